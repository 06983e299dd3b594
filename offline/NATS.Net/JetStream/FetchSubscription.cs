using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>One pull request: it ends with its last message, or when the server says so, or when its time is up.</summary>
internal sealed class FetchSubscription<T> : PullSubscription<T>
{
    /// <summary>The server ends an expired request itself; this is for a server that is gone.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly Timer _expiry;
    private long _missingMsgs;
    private long _missingBytes;

    public FetchSubscription(
        NatsJSConsumer consumer, PullLimits limits, INatsDeserialize<T>? deserializer, NatsJSFetchOpts opts, CancellationToken cancellationToken)
        : base(consumer, limits, deserializer, opts.NotificationHandler, cancellationToken)
    {
        _missingMsgs = limits.MaxMsgs;
        _missingBytes = limits.MaxBytes;
        _expiry = new Timer(_ => End(NatsSubEndReason.Timeout), null, limits.Expires + Grace, Timeout.InfiniteTimeSpan);
    }

    public override async ValueTask DisposeAsync()
    {
        await _expiry.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    public override void OnProcessed(ConsumerMsg<T> msg)
    {
    }

    internal override void WriteReconnectCommands(ByteBuffer to)
    {
        base.WriteReconnectCommands(to);
        WritePull(to, Limits.Request(Limits.MaxMsgs, 0));
    }

    protected override void OnMessage(ConsumerMsg<T> msg)
    {
        _missingMsgs--;
        _missingBytes -= msg.Size;
        if (Limits.MaxBytes > 0 && _missingBytes <= 0)
        {
            End(NatsSubEndReason.MaxBytes);
        }
        else if (Limits.MaxBytes == 0 && _missingMsgs == 0)
        {
            End(NatsSubEndReason.MaxMsgs);
        }
    }

    protected override void OnStatus(NatsHeaders status)
    {
        switch (status)
        {
            case { Code: 100, Message: NatsHeaders.Messages.IdleHeartbeat }:
                break;
            case { Code: 404 }:
                End(NatsSubEndReason.NoMsgs);
                break;
            case { Code: 408, Message: NatsHeaders.Messages.RequestsPending }:
                End(NatsSubEndReason.RequestsPending);
                break;
            case { Code: 408, Message: NatsHeaders.Messages.RequestTimeout }:
                End(NatsSubEndReason.Timeout);
                break;
            case { Code: 409, Message: NatsHeaders.Messages.MessageSizeExceedsMaxBytes }:
                End(NatsSubEndReason.MaxBytes);
                break;
            case { Code: 503 }:
                Notifications.Notify(NatsJSNoRespondersNotification.Default);
                End(NatsSubEndReason.None);
                break;
            default:
                OnOtherStatus(status);
                break;
        }
    }

    protected override void OnHeartbeatMissed()
    {
        Notifications.Notify(NatsJSTimeoutNotification.Default);
        End(NatsSubEndReason.IdleHeartbeatTimeout);
    }
}
