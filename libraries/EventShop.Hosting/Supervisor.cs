using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.Hosting;

/// <summary>
/// Runs a service's background loops. Whatever exception ends a loop, the loop begins again. All loops end as soon as the application is told
/// to stop, side by side with the listener: the host alone would stop one hosted service after the other.
/// </summary>
public sealed class Supervisor(IHostApplicationLifetime lifetime, TimeProvider clock)
{
    /// <summary>After this long, a loop that does not end is left behind. (Npgsql, for one, opens a connection without looking at its token.)</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    /// <summary>Runs a loop until the application stops.</summary>
    /// <param name="name">Names the loop in the log.</param>
    /// <param name="loop">Is called again whenever it returns or throws, after a pause that grows while it keeps failing.</param>
    /// <param name="log">Where failures are logged: the first, and one a minute while they last.</param>
    /// <param name="stoppingToken">The token of the <see cref="BackgroundService"/>.</param>
    public Task RunAsync(string name, Func<CancellationToken, Task> loop, ILogger log, CancellationToken stoppingToken) =>
        UntilStoppedAsync(stopping => Supervised.RunAsync(name, loop, clock, log, stopping), stoppingToken);

    /// <summary>Runs an action now, and then at an interval, until the application stops.</summary>
    /// <inheritdoc cref="RunAsync"/>
    public Task EveryAsync(string name, TimeSpan interval, Func<CancellationToken, Task> action, ILogger log, CancellationToken stoppingToken) =>
        UntilStoppedAsync(stopping => Supervised.EveryAsync(name, interval, action, clock, log, stopping), stoppingToken);

    /// <summary>Cancelled when the application begins to stop.</summary>
    internal DetachedCancellation FollowStop(CancellationToken stoppingToken) => new(stoppingToken, lifetime.ApplicationStopping);

    private async Task UntilStoppedAsync(Func<CancellationToken, Task> run, CancellationToken stoppingToken)
    {
        using var told = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        using var stopping = FollowStop(stoppingToken);
        var running = run(stopping.Token);
        await running.WaitAsync(told.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await running.WaitAsync(StopLimit, clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}

/// <summary>
/// A token that is cancelled after another, on another thread. Npgsql cancels a command on the thread that cancels its token, and waits there
/// for a database that may not answer: nobody else is to wait with it.
/// </summary>
internal sealed class DetachedCancellation : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration[] _registrations;
    private Task _cancelling = Task.CompletedTask;

    public DetachedCancellation(params CancellationToken[] tokens) =>
        _registrations = Array.ConvertAll(tokens, token => token.UnsafeRegister(_ => _cancelling = _source.CancelAsync(), null));

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Unregister();
        _source.Dispose();
    }
}

/// <summary>Keeps a loop running until its token is cancelled.</summary>
internal static class Supervised
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongEnoughToBeWell = TimeSpan.FromSeconds(30);

    public static Task RunAsync(
        string name, Func<CancellationToken, Task> loop, TimeProvider clock, ILogger log, CancellationToken stoppingToken) =>
        RunAsync(new(name, clock, log), loop, clock, stoppingToken);

    public static Task EveryAsync(
        string name, TimeSpan interval, Func<CancellationToken, Task> action, TimeProvider clock, ILogger log, CancellationToken stoppingToken)
    {
        var failures = new Failures(name, clock, log);
        return RunAsync(failures, ActRepeatedlyAsync, clock, stoppingToken);

        async Task ActRepeatedlyAsync(CancellationToken cancellationToken)
        {
            using var timer = new PeriodicTimer(interval, clock);
            do
            {
                await action(cancellationToken);
                failures.AreOver();
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
    }

    private static async Task RunAsync(Failures failures, Func<CancellationToken, Task> loop, TimeProvider clock, CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        while (!stoppingToken.IsCancellationRequested)
        {
            var started = clock.GetTimestamp();
            try
            {
                await loop(stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                failures.Add(e);
            }

            if (clock.GetElapsedTime(started) > LongEnoughToBeWell)
                pause = FirstPause;
            await Task.Delay(Jitter.Around(pause), clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>A loop's failures in a row: the first is logged, then one a minute, and any of another kind.</summary>
    private sealed class Failures(string name, TimeProvider clock, ILogger log)
    {
        private Type? _kind;
        private long _loggedAt;

        public void Add(Exception e)
        {
            if (e.GetType() == _kind && clock.GetElapsedTime(_loggedAt) < Reminder.Interval)
                return;
            (_kind, _loggedAt) = (e.GetType(), clock.GetTimestamp());
            if (IsForeseen(e))
                log.LoopFailed(name, e.Message);
            else
                log.LoopFailedUnexpectedly(name, e.Message, e);
        }

        public void AreOver()
        {
            if (_kind is not null)
                log.LoopWorksAgain(name);
            _kind = null;
        }

        /// <summary>
        /// These say enough by their message: a database, a broker (NATS.Net's exceptions have no base class of the framework's) or what handles
        /// messages is unavailable. All others are defects, and need their stack trace.
        /// </summary>
        private static bool IsForeseen(Exception e) => e is DbException or OperationCanceledException || e.GetType().Namespace?.Split('.')[0] is "NATS" or "EventShop";
    }
}

/// <summary>How often the log repeats what lasts.</summary>
internal static class Reminder
{
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
}

/// <summary>Random spread, so that those who failed together do not come back together.</summary>
internal static class Jitter
{
    /// <summary>Between half and one and a half times <paramref name="time"/>.</summary>
    public static TimeSpan Around(TimeSpan time) => time * (0.5 + Random.Shared.NextDouble());
}
