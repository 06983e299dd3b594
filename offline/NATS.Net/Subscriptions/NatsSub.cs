using System.Threading.Channels;

namespace NATS.Client.Core;

/// <summary>A subscription whose messages wait in a channel.</summary>
public interface INatsSub<T> : IAsyncDisposable
{
    /// <summary>The messages; the channel completes when the subscription ends.</summary>
    ChannelReader<NatsMsg<T>> Msgs { get; }

    /// <summary>Its subject.</summary>
    string Subject { get; }

    /// <summary>Its queue group.</summary>
    string? QueueGroup { get; }

    /// <summary>Ends it; what has arrived can still be read.</summary>
    ValueTask UnsubscribeAsync();
}

/// <summary>A subscription whose messages wait in a channel.</summary>
public sealed class NatsSub<T> : NatsSubBase, INatsSub<T>
{
    private readonly INatsDeserialize<T> _deserializer;
    private readonly MsgChannel<NatsMsg<T>> _msgs;

    internal NatsSub(
        NatsConnection connection, string subject, string? queueGroup, NatsSubOpts? opts, INatsDeserialize<T> deserializer)
        : base(connection, subject, queueGroup, opts)
    {
        _deserializer = deserializer;
        _msgs = new MsgChannel<NatsMsg<T>>(connection.Opts, opts?.ChannelOpts, static msg => msg.Headers, OnDropped);
    }

    /// <inheritdoc/>
    public ChannelReader<NatsMsg<T>> Msgs => _msgs;

    private protected override async ValueTask AcceptAsync(Delivery delivery)
    {
        await _msgs.WriteAsync(delivery.ToMsg(Connection, _deserializer)).ConfigureAwait(false);
        OnQueued(_msgs.Count);
    }

    private protected override void Complete() => _msgs.Complete();

    private void OnDropped(NatsMsg<T> msg) => Connection.OnMessageDropped(this, _msgs.Count, msg);
}
