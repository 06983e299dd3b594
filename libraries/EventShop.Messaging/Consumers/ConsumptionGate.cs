using EventShop.Hosting;

namespace EventShop.Messaging;

/// <summary>
/// Closed while a dependency of the handlers is down: the consumer then stops pulling, the messages it holds wait here, and the
/// first that is held no longer opens it again.
/// </summary>
internal sealed class ConsumptionGate(TimeProvider clock)
{
    private const int FailuresToClose = 5;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private TaskCompletionSource _open = Opened();
    private int _failures;

    public bool IsClosed => !_open.Task.IsCompleted;

    /// <summary>Waits while it is closed.</summary>
    public Task WaitAsync(CancellationToken cancellationToken) => _open.Task.WaitAsync(cancellationToken);

    /// <returns>True when this opened the gate.</returns>
    public bool Reopen()
    {
        if (Volatile.Read(ref _failures) == 0)
            return false;
        lock (_lock)
        {
            _failures = 0;
            return _open.TrySetResult();
        }
    }

    /// <returns>True when this closed the gate.</returns>
    public bool Failed()
    {
        lock (_lock)
        {
            if (++_failures < FailuresToClose || IsClosed)
                return false;
            _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return true;
        }
    }

    /// <summary>Waits before a held message is tried again: longer each time, but no longer than until the gate opens.</summary>
    /// <param name="holds">How often it has been held before.</param>
    /// <param name="cancellationToken">The consumer is stopping.</param>
    public async Task HoldAsync(int holds, CancellationToken cancellationToken)
    {
        var pause = FirstPause * Math.Pow(2, Math.Min(holds, 10));
        var wait = Task.Delay(Jitter.Around(pause < LongestPause ? pause : LongestPause), clock, cancellationToken);
        await (IsClosed ? Task.WhenAny(wait, _open.Task) : wait);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static TaskCompletionSource Opened()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }
}
