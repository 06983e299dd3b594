namespace NATS.Client.Core;

/// <summary>Publish, subscribe and request.</summary>
public interface INatsClient : IAsyncDisposable
{
    /// <summary>The connection beneath.</summary>
    INatsConnection Connection { get; }

    /// <summary>Connects now instead of with the first call. Throws <see cref="NatsException"/>.</summary>
    ValueTask ConnectAsync();

    /// <summary>The time to the server and back.</summary>
    ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default);

    /// <summary>Sends a message; waits while disconnected. Nobody confirms it.</summary>
    ValueTask PublishAsync<T>(
        string subject,
        T data,
        NatsHeaders? headers = default,
        string? replyTo = default,
        INatsSerialize<T>? serializer = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default);

    /// <summary>Sends an empty message.</summary>
    ValueTask PublishAsync(
        string subject,
        NatsHeaders? headers = default,
        string? replyTo = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default);

    /// <summary>Messages on a subject until cancelled; cancelling ends the enumeration without an exception.</summary>
    IAsyncEnumerable<NatsMsg<T>> SubscribeAsync<T>(
        string subject,
        string? queueGroup = default,
        INatsDeserialize<T>? serializer = default,
        NatsSubOpts? opts = default,
        CancellationToken cancellationToken = default);

    /// <summary>
    /// Sends a request and waits for one reply. Throws <see cref="NatsNoRespondersException"/> or <see cref="NatsNoReplyException"/>.
    /// </summary>
    ValueTask<NatsMsg<TReply>> RequestAsync<TRequest, TReply>(
        string subject,
        TRequest? data,
        NatsHeaders? headers = default,
        INatsSerialize<TRequest>? requestSerializer = default,
        INatsDeserialize<TReply>? replySerializer = default,
        NatsPubOpts? requestOpts = default,
        NatsSubOpts? replyOpts = default,
        CancellationToken cancellationToken = default);

    /// <summary>Sends an empty request and waits for one reply.</summary>
    ValueTask<NatsMsg<TReply>> RequestAsync<TReply>(
        string subject,
        INatsDeserialize<TReply>? replySerializer = default,
        NatsSubOpts? replyOpts = default,
        CancellationToken cancellationToken = default);

    /// <summary>Drops the connection so that it is made anew.</summary>
    ValueTask ReconnectAsync();
}
