using System.Threading.Channels;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>
/// Pull requests without end. It counts what the server still owes and asks for more when that falls to the threshold, so that the
/// server always has a request to answer and never sends more than the limit ahead.
/// </summary>
internal sealed class ConsumeSubscription<T> : PullSubscription<T>
{
    /// <summary>One request waits at most: a newer one replaces it.</summary>
    private readonly Channel<PullRequest> _pulls = Channel.CreateBounded<PullRequest>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private readonly int _maxNoResponders;
    private readonly Task _pullLoop;
    private long _owedMsgs;
    private long _owedBytes;
    private int _noResponders;

    public ConsumeSubscription(
        NatsJSConsumer consumer, PullLimits limits, INatsDeserialize<T>? deserializer, NatsJSConsumeOpts opts, CancellationToken cancellationToken)
        : base(consumer, limits, deserializer, opts.NotificationHandler, cancellationToken)
    {
        _maxNoResponders = opts.MaxConsecutive503Errors;
        SetOwed(limits.MaxMsgs, limits.MaxBytes);
        _pullLoop = Task.Run(PullAllAsync, CancellationToken.None);
    }

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await base.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            await _pullLoop.ConfigureAwait(false);
        }
    }

    public override void OnProcessed(ConsumerMsg<T> msg)
    {
        lock (Gate)
        {
            _owedMsgs = Math.Max(0, _owedMsgs - 1);
            _owedBytes = Math.Max(0, _owedBytes - msg.Size);
        }

        PullWhenLow();
    }

    /// <summary>A request that had died with its server is noticed by its missing heartbeats, as in the original.</summary>
    internal override void WriteReconnectCommands(ByteBuffer to)
    {
        base.WriteReconnectCommands(to);
        if (TakeMissing() is { } request)
        {
            WritePull(to, request);
        }
    }

    protected override void OnMessage(ConsumerMsg<T> msg) => _noResponders = 0;

    protected override void OnStatus(NatsHeaders status)
    {
        TakeBack(status);
        switch (status)
        {
            case { Code: 408, Message: NatsHeaders.Messages.RequestTimeout } or { Code: 100, Message: NatsHeaders.Messages.IdleHeartbeat }:
                break;
            case { Code: 409, Message: NatsHeaders.Messages.MessageSizeExceedsMaxBytes }:
                Notifications.Notify(NatsJSMessageSizeExceedsMaxBytesNotification.Default);
                break;
            case { Code: 409 } when status.MessageText.Equals("Leadership Change", StringComparison.OrdinalIgnoreCase):
                Notifications.Notify(NatsJSLeadershipChangeNotification.Default);
                SetOwed(Limits.MaxMsgs, Limits.MaxBytes);
                break;
            case { Code: 503 }:
                OnNoResponders();
                break;
            default:
                OnOtherStatus(status);
                break;
        }

        PullWhenLow();
    }

    protected override void OnHeartbeatMissed()
    {
        Notifications.Notify(NatsJSTimeoutNotification.Default);
        switch (Connection.ConnectionState)
        {
            case NatsConnectionState.Failed:
                Queue.Complete(new NatsConnectionFailedException("Connection is in failed state"));
                End(NatsSubEndReason.None);
                break;
            case NatsConnectionState.Open:
                _pulls.Writer.TryWrite(Limits.Request(Limits.MaxMsgs, Limits.MaxBytes));
                SetOwed(Limits.MaxMsgs, Limits.MaxBytes);
                break;
        }
    }

    private protected override void Complete()
    {
        _pulls.Writer.TryComplete();
        base.Complete();
    }

    private void OnNoResponders()
    {
        Notifications.Notify(NatsJSNoRespondersNotification.Default);
        SetOwed(Limits.MaxMsgs, Limits.MaxBytes);
        if (++_noResponders >= _maxNoResponders && _maxNoResponders > 0)
        {
            Connection.Logger.ConsumerGone(_noResponders);
            Queue.Complete(new NatsJSException($"Consumer appears to be deleted after {_noResponders} consecutive 503 errors"));
            End(NatsSubEndReason.JetStreamError);
        }
    }

    /// <summary>A status may say how much of a request will not be answered any more.</summary>
    private void TakeBack(NatsHeaders status)
    {
        lock (Gate)
        {
            if (Limits.MaxBytes == 0
                && status.TryGetLastValue("Nats-Pending-Messages", out var msgs)
                && long.TryParse(msgs, out var unanswered))
            {
                _owedMsgs = Math.Max(0, _owedMsgs - unanswered);
            }

            if (Limits.MaxBytes > 0
                && status.TryGetLastValue("Nats-Pending-Bytes", out var bytes)
                && long.TryParse(bytes, out unanswered))
            {
                _owedBytes = Math.Max(0, _owedBytes - unanswered);
            }
        }
    }

    private void SetOwed(long msgs, long bytes)
    {
        lock (Gate)
        {
            _owedMsgs = msgs;
            _owedBytes = bytes;
        }
    }

    private void PullWhenLow()
    {
        if (TakeMissing() is { } request)
        {
            _pulls.Writer.TryWrite(request);
        }
    }

    /// <summary>The request that makes up what is missing when little is owed; from then on it is owed.</summary>
    private PullRequest? TakeMissing()
    {
        lock (Gate)
        {
            PullRequest? request = null;
            if (Limits.MaxBytes > 0 && _owedBytes <= Limits.ThresholdBytes)
            {
                request = Limits.Request(Limits.MaxMsgs, Limits.MaxBytes - _owedBytes);
            }
            else if (Limits.MaxBytes == 0 && _owedMsgs <= Limits.ThresholdMsgs && _owedMsgs < Limits.MaxMsgs)
            {
                request = Limits.Request(Limits.MaxMsgs - _owedMsgs, 0);
            }

            if (request is not null)
            {
                _owedMsgs = Limits.MaxMsgs;
                _owedBytes = Limits.MaxBytes;
            }

            return request;
        }
    }

    private async Task PullAllAsync()
    {
        await foreach (var request in _pulls.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await PullAsync(request, CancellationToken.None).ConfigureAwait(false);
            }
            catch (NatsConnectionFailedException e)
            {
                Queue.Complete(e);
                return;
            }
            catch (Exception e)
            {
                Connection.Logger.PullFailed(e, Subject);
            }
        }
    }
}
