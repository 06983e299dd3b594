using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace NATS.Client.Core;

/// <summary>The channel between the read loop and a reader; reading a message ends the span of its receipt.</summary>
internal sealed class MsgChannel<T> : ChannelReader<T>
{
    private readonly Channel<T> _channel;
    private readonly Func<T, NatsHeaders?> _headers;

    public MsgChannel(NatsOpts opts, NatsSubChannelOpts? channelOpts, Func<T, NatsHeaders?> headers, Action<T> dropped)
    {
        _headers = headers;
        _channel = Channel.CreateBounded(
            new BoundedChannelOptions(channelOpts?.Capacity ?? opts.SubPendingChannelCapacity)
            {
                FullMode = channelOpts?.FullMode ?? opts.SubPendingChannelFullMode,
                SingleWriter = true,
                SingleReader = false,
            },
            dropped);
    }

    public override int Count => _channel.Reader.Count;

    public override bool CanCount => true;

    public override bool CanPeek => _channel.Reader.CanPeek;

    public override Task Completion => _channel.Reader.Completion;

    public ValueTask WriteAsync(T msg) => _channel.Writer.TryWrite(msg) ? default : _channel.Writer.WriteAsync(msg);

    public void Complete(Exception? error = null) => _channel.Writer.TryComplete(error);

    public override bool TryRead([MaybeNullWhen(false)] out T item)
    {
        if (!_channel.Reader.TryRead(out item))
        {
            return false;
        }

        NatsTelemetry.EndReceive(_headers(item));
        return true;
    }

    public override bool TryPeek([MaybeNullWhen(false)] out T item) => _channel.Reader.TryPeek(out item);

    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) =>
        _channel.Reader.WaitToReadAsync(cancellationToken);
}
