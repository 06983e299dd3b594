namespace NATS.Client.JetStream.Models;

/// <summary>A stream as it is.</summary>
public record StreamInfo
{
    /// <summary>Its configuration.</summary>
    public StreamConfig Config { get; set; } = new();

    /// <summary>What it holds.</summary>
    public StreamState State { get; set; } = new();

    /// <summary>When it was created.</summary>
    public DateTimeOffset Created { get; set; }

    /// <summary>When this was true.</summary>
    public DateTimeOffset Ts { get; set; }

    /// <summary>Where it is kept, in a cluster.</summary>
    public ClusterInfo? Cluster { get; set; }
}

/// <summary>What a stream holds.</summary>
public record StreamState
{
    /// <summary>Messages.</summary>
    public long Messages { get; set; }

    /// <summary>Bytes.</summary>
    public long Bytes { get; set; }

    /// <summary>Sequence of the oldest message.</summary>
    public ulong FirstSeq { get; set; }

    /// <summary>Time of the oldest message.</summary>
    public string? FirstTs { get; set; }

    /// <summary>Sequence of the newest message.</summary>
    public ulong LastSeq { get; set; }

    /// <summary>Time of the newest message.</summary>
    public string? LastTs { get; set; }

    /// <summary>Sequences that were deleted, when asked for.</summary>
    public ICollection<long>? Deleted { get; set; }

    /// <summary>Messages by subject, when asked for.</summary>
    public IDictionary<string, long>? Subjects { get; set; }

    /// <summary>Number of subjects.</summary>
    public long NumSubjects { get; set; }

    /// <summary>Number of deleted messages.</summary>
    public long NumDeleted { get; set; }

    /// <summary>Consumers.</summary>
    public long ConsumerCount { get; set; }
}

/// <summary>The servers of a stream or a consumer.</summary>
public record ClusterInfo
{
    /// <summary>The cluster.</summary>
    public string? Name { get; set; }

    /// <summary>The leading server.</summary>
    public string? Leader { get; set; }

    /// <summary>The others.</summary>
    public ICollection<PeerInfo>? Replicas { get; set; }
}

/// <summary>A replica.</summary>
public record PeerInfo
{
    /// <summary>The server.</summary>
    public required string Name { get; set; }

    /// <summary>Whether it has everything.</summary>
    public bool Current { get; set; }

    /// <summary>Whether it is away.</summary>
    public bool Offline { get; set; }

    /// <summary>How far it is behind.</summary>
    public ulong Lag { get; set; }
}

/// <summary>What else to tell of a stream.</summary>
public record StreamInfoRequest
{
    /// <summary>The deleted sequences.</summary>
    public bool DeletedDetails { get; set; }

    /// <summary>Subjects to count, with wildcards.</summary>
    public string? SubjectsFilter { get; set; }

    /// <summary>Where to go on.</summary>
    public int Offset { get; set; }
}
