namespace NATS.Client.JetStream;

/// <summary>
/// Says when nothing was heard for too long. Each sign of life is one write of a number: the timer looks at it only when it fires.
/// </summary>
internal sealed class Heartbeat : IDisposable
{
    private const long NotExpected = long.MaxValue;

    private readonly long _timeout;
    private readonly Action _missed;
    private readonly Timer? _timer;
    private long _lastHeard = NotExpected;

    public Heartbeat(TimeSpan timeout, Action missed)
    {
        _timeout = (long)timeout.TotalMilliseconds;
        _missed = missed;
        if (_timeout > 0)
        {
            _timer = new Timer(static self => ((Heartbeat)self!).Look(), this, _timeout, Timeout.Infinite);
        }
    }

    /// <summary>Heard something.</summary>
    public void Reset() => Volatile.Write(ref _lastHeard, Environment.TickCount64);

    /// <summary>Expect nothing until the next <see cref="Reset"/>.</summary>
    public void Stop() => Volatile.Write(ref _lastHeard, NotExpected);

    public void Dispose() => _timer?.Dispose();

    private void Look()
    {
        var heard = Volatile.Read(ref _lastHeard);
        var silent = heard == NotExpected ? 0 : Environment.TickCount64 - heard;
        if (silent >= _timeout)
        {
            Reset();
            _missed();
            silent = 0;
        }

        try
        {
            _timer?.Change(_timeout - silent, Timeout.Infinite);
        }
        catch (ObjectDisposedException)
        {
            // Disposed while looking.
        }
    }
}
