using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

/// <summary>Where a consumer starts.</summary>
public enum ConsumerConfigDeliverPolicy
{
    /// <summary>With the oldest message.</summary>
    All = 0,

    /// <summary>With the newest message.</summary>
    Last = 1,

    /// <summary>With the next message.</summary>
    New = 2,

    /// <summary>With a sequence.</summary>
    ByStartSequence = 3,

    /// <summary>With a time.</summary>
    ByStartTime = 4,

    /// <summary>With the newest message of each subject.</summary>
    LastPerSubject = 5,
}

/// <summary>What must be acknowledged.</summary>
public enum ConsumerConfigAckPolicy
{
    /// <summary>Every message.</summary>
    Explicit = 0,

    /// <summary>The last of several.</summary>
    All = 1,

    /// <summary>Nothing.</summary>
    None = 2,
}

/// <summary>How fast messages come.</summary>
public enum ConsumerConfigReplayPolicy
{
    /// <summary>At once.</summary>
    Instant = 0,

    /// <summary>As they were published.</summary>
    Original = 1,
}

/// <summary>A consumer. A number of 0 leaves the server's default.</summary>
public record ConsumerConfig
{
    /// <summary>An empty configuration: an ephemeral consumer.</summary>
    public ConsumerConfig()
    {
    }

    /// <summary>A durable consumer.</summary>
    public ConsumerConfig(string name)
    {
        Name = name;
        DurableName = name;
    }

    /// <summary>Where it starts.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ConsumerConfigDeliverPolicy DeliverPolicy { get; set; } = ConsumerConfigDeliverPolicy.All;

    /// <summary>The sequence to start with.</summary>
    public ulong OptStartSeq { get; set; }

    /// <summary>The time to start with.</summary>
    public DateTimeOffset OptStartTime { get; set; }

    /// <summary>Its name when it outlives its readers.</summary>
    public string? DurableName { get; set; }

    /// <summary>Its name, without dots and wildcards.</summary>
    public string? Name { get; set; }

    /// <summary>For people.</summary>
    public string? Description { get; set; }

    /// <summary>What must be acknowledged.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ConsumerConfigAckPolicy AckPolicy { get; set; } = ConsumerConfigAckPolicy.Explicit;

    /// <summary>How long it waits for an acknowledgement before it delivers again.</summary>
    [JsonConverter(typeof(NanosecondsConverter))]
    public TimeSpan AckWait { get; set; }

    /// <summary>Deliveries of a message at most.</summary>
    public long MaxDeliver { get; set; }

    /// <summary>Which subjects it delivers.</summary>
    public string? FilterSubject { get; set; }

    /// <summary>Which subjects it delivers; servers from 2.10.</summary>
    public ICollection<string>? FilterSubjects { get; set; }

    /// <summary>How fast messages come.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ConsumerConfigReplayPolicy ReplayPolicy { get; set; } = ConsumerConfigReplayPolicy.Instant;

    /// <summary>How many acknowledgements the server reports on, such as 100%.</summary>
    public string? SampleFreq { get; set; }

    /// <summary>Messages delivered and not yet acknowledged, at most.</summary>
    public long MaxAckPending { get; set; }

    /// <summary>Pull requests waiting, at most.</summary>
    public long MaxWaiting { get; set; }

    /// <summary>Whether it delivers headers only.</summary>
    public bool HeadersOnly { get; set; }

    /// <summary>Messages of a pull request at most.</summary>
    public int MaxBatch { get; set; }

    /// <summary>Time of a pull request at most.</summary>
    [JsonConverter(typeof(NanosecondsConverter))]
    public TimeSpan MaxExpires { get; set; }

    /// <summary>Bytes of a pull request at most.</summary>
    public long MaxBytes { get; set; }

    /// <summary>Without readers for so long, it is deleted.</summary>
    [JsonConverter(typeof(NanosecondsConverter))]
    public TimeSpan InactiveThreshold { get; set; }

    /// <summary>Waits before each further delivery, instead of <see cref="AckWait"/>.</summary>
    [JsonConverter(typeof(NanosecondsListConverter))]
    public ICollection<TimeSpan>? Backoff { get; set; }

    /// <summary>Servers that keep it.</summary>
    public long NumReplicas { get; set; }

    /// <summary>Until when it is paused; servers from 2.11.</summary>
    public DateTimeOffset? PauseUntil { get; set; }

    /// <summary>Whether it is kept in memory.</summary>
    public bool MemStorage { get; set; }

    /// <summary>Labels; servers from 2.10.</summary>
    public IDictionary<string, string>? Metadata { get; set; }
}
