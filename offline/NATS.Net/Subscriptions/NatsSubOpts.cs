using System.Threading.Channels;

namespace NATS.Client.Core;

/// <summary>Options of a subscription.</summary>
public record NatsSubOpts
{
    /// <summary>Ends it after so many messages.</summary>
    public int? MaxMsgs { get; init; }

    /// <summary>Ends it after this time; of a request, how long to wait for the reply.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Ends it when no first message comes within this time.</summary>
    public TimeSpan? StartUpTimeout { get; init; }

    /// <summary>Ends it when no further message comes within this time.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Ends it with the first empty message.</summary>
    public bool? StopOnEmptyMsg { get; init; }

    /// <summary>Throws <see cref="NatsNoRespondersException"/> when the server says that nobody listens.</summary>
    public bool? ThrowIfNoResponders { get; init; }

    /// <summary>The channel its messages wait in.</summary>
    public NatsSubChannelOpts? ChannelOpts { get; init; }
}

/// <summary>Options of the channel a subscription's messages wait in; null takes the connection's.</summary>
public record NatsSubChannelOpts
{
    /// <summary>What happens to a message that finds it full.</summary>
    public BoundedChannelFullMode? FullMode { get; init; }

    /// <summary>How many messages wait.</summary>
    public int? Capacity { get; init; }
}

/// <summary>Why a subscription ended.</summary>
public enum NatsSubEndReason
{
    /// <summary>It has not, or was disposed.</summary>
    None,

    /// <summary>The server has no messages.</summary>
    NoMsgs,

    /// <summary>It had all it asked for.</summary>
    MaxMsgs,

    /// <summary>It had all the bytes it asked for.</summary>
    MaxBytes,

    /// <summary>Its time was up.</summary>
    Timeout,

    /// <summary>No further message came in time.</summary>
    IdleTimeout,

    /// <summary>An empty message came.</summary>
    EmptyMsg,

    /// <summary>The server's heartbeats stayed away.</summary>
    IdleHeartbeatTimeout,

    /// <summary>No first message came in time.</summary>
    StartUpTimeout,

    /// <summary>It was cancelled.</summary>
    Cancelled,

    /// <summary>See its exception.</summary>
    Exception,

    /// <summary>JetStream said so.</summary>
    JetStreamError,

    /// <summary>JetStream has other requests pending.</summary>
    RequestsPending,
}
