using System.Threading.Channels;
using NATS.Client.Core;

namespace NATS.Net;

/// <summary>
/// A connection with defaults for applications: JSON, and subscriptions that wait for slow readers instead of dropping.
/// </summary>
public class NatsClient : INatsClient
{
    /// <summary>Connects with the first call.</summary>
    public NatsClient(string url = "nats://localhost:4222", string name = "NATS .NET Client")
        : this(new NatsOpts { Url = url, Name = name })
    {
    }

    /// <summary>Connects with the first call.</summary>
    public NatsClient(NatsOpts opts, BoundedChannelFullMode pending = BoundedChannelFullMode.Wait)
    {
        if (ReferenceEquals(opts.SerializerRegistry, NatsOpts.Default.SerializerRegistry))
        {
            opts = opts with { SerializerRegistry = NatsClientDefaultSerializerRegistry.Default };
        }

        Connection = new NatsConnection(opts with { SubPendingChannelFullMode = pending });
    }

    /// <inheritdoc/>
    public INatsConnection Connection { get; }

    /// <inheritdoc/>
    public ValueTask ConnectAsync() => Connection.ConnectAsync();

    /// <inheritdoc/>
    public ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default) =>
        Connection.PingAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask PublishAsync<T>(
        string subject,
        T data,
        NatsHeaders? headers = default,
        string? replyTo = default,
        INatsSerialize<T>? serializer = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default) =>
        Connection.PublishAsync(subject, data, headers, replyTo, serializer, opts, cancellationToken);

    /// <inheritdoc/>
    public ValueTask PublishAsync(
        string subject,
        NatsHeaders? headers = default,
        string? replyTo = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default) =>
        Connection.PublishAsync(subject, headers, replyTo, opts, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<NatsMsg<T>> SubscribeAsync<T>(
        string subject,
        string? queueGroup = default,
        INatsDeserialize<T>? serializer = default,
        NatsSubOpts? opts = default,
        CancellationToken cancellationToken = default) =>
        Connection.SubscribeAsync(subject, queueGroup, serializer, opts, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<NatsMsg<TReply>> RequestAsync<TRequest, TReply>(
        string subject,
        TRequest? data,
        NatsHeaders? headers = default,
        INatsSerialize<TRequest>? requestSerializer = default,
        INatsDeserialize<TReply>? replySerializer = default,
        NatsPubOpts? requestOpts = default,
        NatsSubOpts? replyOpts = default,
        CancellationToken cancellationToken = default) =>
        Connection.RequestAsync(
            subject, data, headers, requestSerializer, replySerializer, requestOpts, replyOpts, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<NatsMsg<TReply>> RequestAsync<TReply>(
        string subject,
        INatsDeserialize<TReply>? replySerializer = default,
        NatsSubOpts? replyOpts = default,
        CancellationToken cancellationToken = default) =>
        Connection.RequestAsync(subject, replySerializer, replyOpts, cancellationToken);

    /// <inheritdoc/>
    public ValueTask ReconnectAsync() => Connection.ReconnectAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return Connection.DisposeAsync();
    }
}
