namespace NATS.Client.Core;

/// <summary>Where a connection stands.</summary>
public enum NatsConnectionState
{
    /// <summary>Not connected yet.</summary>
    Closed,

    /// <summary>Connected.</summary>
    Open,

    /// <summary>Connecting for the first time.</summary>
    Connecting,

    /// <summary>Connecting again.</summary>
    Reconnecting,

    /// <summary>Given up for good.</summary>
    Failed,
}

/// <summary>A connection that reconnects by itself.</summary>
public interface INatsConnection : INatsClient
{
    /// <summary>The connection was lost.</summary>
    event AsyncEventHandler<NatsEventArgs>? ConnectionDisconnected;

    /// <summary>The connection was made, or made again.</summary>
    event AsyncEventHandler<NatsEventArgs>? ConnectionOpened;

    /// <summary>An attempt to reconnect failed.</summary>
    event AsyncEventHandler<NatsEventArgs>? ReconnectFailed;

    /// <summary>A message found its subscription full.</summary>
    event AsyncEventHandler<NatsMessageDroppedEventArgs>? MessageDropped;

    /// <summary>A subscription began to drop messages.</summary>
    event AsyncEventHandler<NatsSlowConsumerEventArgs>? SlowConsumerDetected;

    /// <summary>The server is about to shut down.</summary>
    event AsyncEventHandler<NatsLameDuckModeActivatedEventArgs>? LameDuckModeActivated;

    /// <summary>The server reported an error, such as a missing permission.</summary>
    event AsyncEventHandler<NatsServerErrorEventArgs>? ServerError;

    /// <summary>The server, once connected.</summary>
    INatsServerInfo? ServerInfo { get; }

    /// <summary>The options.</summary>
    NatsOpts Opts { get; }

    /// <summary>Where the connection stands.</summary>
    NatsConnectionState ConnectionState { get; }

    /// <summary>Sends a message.</summary>
    ValueTask PublishAsync<T>(
        in NatsMsg<T> msg, INatsSerialize<T>? serializer = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default);

    /// <summary>Subscribes; on return the server has been told. Dispose the subscription to end it.</summary>
    ValueTask<INatsSub<T>> SubscribeCoreAsync<T>(
        string subject,
        string? queueGroup = default,
        INatsDeserialize<T>? serializer = default,
        NatsSubOpts? opts = default,
        CancellationToken cancellationToken = default);

    /// <summary>A new subject of this connection's own.</summary>
    string NewInbox();
}
