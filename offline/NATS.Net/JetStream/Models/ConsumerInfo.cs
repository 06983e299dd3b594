using System.Text.Json.Serialization;

namespace NATS.Client.JetStream.Models;

/// <summary>A consumer as it is.</summary>
public record ConsumerInfo
{
    /// <summary>Its stream.</summary>
    public required string StreamName { get; set; }

    /// <summary>Its name.</summary>
    public required string Name { get; set; }

    /// <summary>When this was true.</summary>
    public DateTimeOffset Ts { get; set; }

    /// <summary>Its configuration.</summary>
    public ConsumerConfig Config { get; set; } = new();

    /// <summary>When it was created.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>The last delivery.</summary>
    public SequenceInfo Delivered { get; set; } = new();

    /// <summary>The last message before which everything is acknowledged.</summary>
    public SequenceInfo AckFloor { get; set; } = new();

    /// <summary>Delivered and not yet acknowledged.</summary>
    public int NumAckPending { get; set; }

    /// <summary>Of those, delivered more than once.</summary>
    public int NumRedelivered { get; set; }

    /// <summary>Pull requests waiting.</summary>
    public int NumWaiting { get; set; }

    /// <summary>Not delivered yet.</summary>
    public ulong NumPending { get; set; }

    /// <summary>Whether it is paused.</summary>
    [JsonPropertyName("paused")]
    public bool IsPaused { get; set; }

    /// <summary>How long it stays paused.</summary>
    [JsonConverter(typeof(NullableNanosecondsConverter))]
    public TimeSpan? PauseRemaining { get; set; }

    /// <summary>Where it is kept, in a cluster.</summary>
    public ClusterInfo? Cluster { get; set; }
}

/// <summary>A message by its two sequences.</summary>
public record SequenceInfo
{
    /// <summary>Number of the delivery.</summary>
    public ulong ConsumerSeq { get; set; }

    /// <summary>Number of the message.</summary>
    public ulong StreamSeq { get; set; }

    /// <summary>When it last changed.</summary>
    public DateTimeOffset LastActive { get; set; }
}

/// <summary>The answer to a pause.</summary>
public record ConsumerPauseResponse
{
    /// <summary>Whether it is paused.</summary>
    [JsonPropertyName("paused")]
    public bool IsPaused { get; init; }

    /// <summary>Until when.</summary>
    public DateTimeOffset PauseUntil { get; init; }

    /// <summary>For how long still.</summary>
    [JsonConverter(typeof(NullableNanosecondsConverter))]
    public TimeSpan? PauseRemaining { get; init; }
}
