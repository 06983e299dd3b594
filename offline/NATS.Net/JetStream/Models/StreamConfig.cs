using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

/// <summary>When a stream lets go of messages.</summary>
public enum StreamConfigRetention
{
    /// <summary>When a limit is reached.</summary>
    Limits = 0,

    /// <summary>When every consumer has acknowledged.</summary>
    Interest = 1,

    /// <summary>When one consumer has acknowledged.</summary>
    Workqueue = 2,
}

/// <summary>Where a stream is kept.</summary>
public enum StreamConfigStorage
{
    /// <summary>On disk.</summary>
    File = 0,

    /// <summary>In memory.</summary>
    Memory = 1,
}

/// <summary>What a full stream does.</summary>
public enum StreamConfigDiscard
{
    /// <summary>Lets go of the oldest messages.</summary>
    Old = 0,

    /// <summary>Refuses new messages.</summary>
    New = 1,
}

/// <summary>How a stream is compressed.</summary>
public enum StreamConfigCompression
{
    /// <summary>Not.</summary>
    None = 0,

    /// <summary>With S2; servers from 2.10.</summary>
    S2 = 1,
}

/// <summary>A stream. A number of 0 leaves the server's default, except where it says otherwise.</summary>
public record StreamConfig
{
    /// <summary>An empty configuration.</summary>
    public StreamConfig()
    {
    }

    /// <summary>With its name and subjects.</summary>
    public StreamConfig(string name, ICollection<string> subjects)
    {
        Name = name;
        Subjects = subjects;
    }

    /// <summary>Name, without blanks and dots.</summary>
    public string? Name { get; set; }

    /// <summary>For people.</summary>
    public string? Description { get; set; }

    /// <summary>Subjects whose messages it keeps.</summary>
    public ICollection<string>? Subjects { get; set; }

    /// <summary>When it lets go of messages.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public StreamConfigRetention Retention { get; set; } = StreamConfigRetention.Limits;

    /// <summary>Consumers at most.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int MaxConsumers { get; set; }

    /// <summary>Messages at most.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public long MaxMsgs { get; set; }

    /// <summary>Messages of one subject at most.</summary>
    public long MaxMsgsPerSubject { get; set; }

    /// <summary>Bytes at most.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public long MaxBytes { get; set; }

    /// <summary>Age at most; zero for no limit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [JsonConverter(typeof(NanosecondsConverter))]
    public TimeSpan MaxAge { get; set; }

    /// <summary>Bytes of a message at most.</summary>
    public int MaxMsgSize { get; set; }

    /// <summary>Where it is kept.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public StreamConfigStorage Storage { get; set; } = StreamConfigStorage.File;

    /// <summary>How it is compressed.</summary>
    public StreamConfigCompression Compression { get; set; } = StreamConfigCompression.None;

    /// <summary>Servers that keep it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int NumReplicas { get; set; }

    /// <summary>Whether publishers get no acknowledgement.</summary>
    public bool NoAck { get; set; }

    /// <summary>What it does when full.</summary>
    public StreamConfigDiscard Discard { get; set; } = StreamConfigDiscard.Old;

    /// <summary>How long a message id is remembered; zero for the server's two minutes.</summary>
    [JsonConverter(typeof(NanosecondsConverter))]
    public TimeSpan DuplicateWindow { get; set; }

    /// <summary>Which servers may keep it.</summary>
    public Placement? Placement { get; set; }

    /// <summary>Whether it takes no messages any more.</summary>
    public bool Sealed { get; set; }

    /// <summary>Whether single messages cannot be deleted.</summary>
    public bool DenyDelete { get; set; }

    /// <summary>Whether it cannot be purged.</summary>
    public bool DenyPurge { get; set; }

    /// <summary>Whether a publish may replace earlier messages by a header.</summary>
    public bool AllowRollupHdrs { get; set; }

    /// <summary>Whether messages can be read without its leader.</summary>
    public bool AllowDirect { get; set; }

    /// <summary>Whether a full subject refuses new messages.</summary>
    public bool DiscardNewPerSubject { get; set; }

    /// <summary>Whether messages may carry their own age limit; servers from 2.11.</summary>
    [JsonPropertyName("allow_msg_ttl")]
    public bool AllowMsgTTL { get; set; }

    /// <summary>Labels; servers from 2.10.</summary>
    public IDictionary<string, string>? Metadata { get; set; }
}

/// <summary>Which servers may keep a stream.</summary>
public record Placement
{
    /// <summary>The cluster.</summary>
    public string? Cluster { get; set; }

    /// <summary>Tags its servers must have.</summary>
    public ICollection<string>? Tags { get; set; }
}
