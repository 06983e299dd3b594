namespace NATS.Client.Core;

/// <summary>The times after which a subscription ends: in all, before its first message, and between messages.</summary>
internal sealed class SubscriptionTimers(NatsSubOpts opts, Action<NatsSubEndReason> end) : IDisposable
{
    private readonly Timer? _total = After(opts.Timeout, NatsSubEndReason.Timeout, end);
    private readonly Timer? _idle = After(
        opts.IdleTimeout, NatsSubEndReason.IdleTimeout, end, starts: opts.StartUpTimeout is null);

    private readonly Timer? _startUp = After(opts.StartUpTimeout, NatsSubEndReason.StartUpTimeout, end);

    public void OnMessage()
    {
        _startUp?.Change(Timeout.Infinite, Timeout.Infinite);
        _idle?.Change(opts.IdleTimeout!.Value, Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _total?.Dispose();
        _idle?.Dispose();
        _startUp?.Dispose();
    }

    private static Timer? After(TimeSpan? time, NatsSubEndReason reason, Action<NatsSubEndReason> end, bool starts = true) =>
        time is { } due && due != TimeSpan.Zero && due != TimeSpan.MaxValue && due != Timeout.InfiniteTimeSpan
            ? new Timer(_ => end(reason), null, starts ? due : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)
            : null;
}
