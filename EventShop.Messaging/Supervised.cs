using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>Keeps a loop running: whatever ends it is logged, and it begins again after a pause that grows while it keeps failing.</summary>
internal static class Supervised
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LongEnoughToBeWell = TimeSpan.FromSeconds(30);

    /// <summary>Runs an action now, and then at an interval.</summary>
    public static Task EveryAsync(
        string name, TimeSpan interval, Func<CancellationToken, Task> action, TimeProvider clock, ILogger log, CancellationToken stoppingToken)
    {
        return RunAsync(name, ActRepeatedlyAsync, clock, log, stoppingToken);

        async Task ActRepeatedlyAsync(CancellationToken cancellationToken)
        {
            using var timer = new PeriodicTimer(interval, clock);
            do
                await action(cancellationToken);
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
    }

    public static async Task RunAsync(
        string name, Func<CancellationToken, Task> loop, TimeProvider clock, ILogger log, CancellationToken stoppingToken)
    {
        var pause = FirstPause;
        while (!stoppingToken.IsCancellationRequested)
        {
            var started = clock.GetTimestamp();
            try
            {
                await loop(stoppingToken);
                if (!stoppingToken.IsCancellationRequested)
                    log.LoopEnded(name);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // That the broker or the database is away needs no stack trace.
                log.LoopFailed(name, e.Message, e is NatsException or NpgsqlException ? null : e);
            }

            if (clock.GetElapsedTime(started) > LongEnoughToBeWell)
                pause = FirstPause;
            await Task.Delay(Jitter.Around(pause), clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }
}

/// <summary>Random spread, so that those who failed together do not come back together.</summary>
internal static class Jitter
{
    /// <summary>Between half and one and a half times <paramref name="time"/>.</summary>
    public static TimeSpan Around(TimeSpan time) => time * (0.5 + Random.Shared.NextDouble());
}
