using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EventShop.Messaging.Tests;

public sealed class SupervisorTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_loop_goes_on_after_exceptions_that_nobody_foresaw_and_they_are_one_line()
    {
        var log = new CapturedLog();
        var calls = 0;
        using var host = Start(log, _ => ++calls <= 3 ? throw new InvalidOperationException("a defect") : Task.CompletedTask);
        await host.StartAsync(Cancelled);

        await Eventually.True("it goes on", () => Volatile.Read(ref calls) > 5);
        Assert.False(host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        await host.StopAsync(Cancelled);

        var entries = log.Entries.Where(entry => entry.Category.EndsWith(nameof(Loop), StringComparison.Ordinal)).ToArray();
        Assert.Equal([(LogLevel.Error, "a loop failed unexpectedly and begins again: a defect"), (LogLevel.Information, "a loop works again")],
            entries.Select(entry => (entry.Level, entry.Message)));
        Assert.IsType<InvalidOperationException>(entries[0].Exception);
    }

    [Fact]
    public async Task A_loop_that_does_not_listen_does_not_hold_the_stop_up()
    {
        var begun = new TaskCompletionSource();
        using var host = Start(new CapturedLog(), _ =>
        {
            begun.SetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, CancellationToken.None);
        });
        await host.StartAsync(Cancelled);
        await begun.Task;
        var started = Stopwatch.GetTimestamp();

        await host.StopAsync(Cancelled);

        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_loop_whose_cancellation_blocks_its_thread_does_not_hold_the_others_up()
    {
        using var release = new ManualResetEventSlim();
        var begun = new TaskCompletionSource();
        using var host = Start(new CapturedLog(), async token =>
        {
            // What Npgsql does while it cancels a command of a database that does not answer.
            await using var registration = token.Register(() => release.Wait(TimeSpan.FromSeconds(60), CancellationToken.None));
            begun.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
        });
        await host.StartAsync(Cancelled);
        await begun.Task;
        var started = Stopwatch.GetTimestamp();

        await host.StopAsync(Cancelled);
        release.Set();

        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
    }

    private static IHost Start(CapturedLog log, Func<CancellationToken, Task> action)
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddProvider(log);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<Supervisor>();
        builder.Services.AddSingleton(action);
        builder.Services.AddHostedService<Loop>();
        return builder.Build();
    }

    private sealed class Loop(Func<CancellationToken, Task> action, Supervisor supervisor, ILogger<Loop> log) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
            supervisor.EveryAsync("a loop", TimeSpan.FromMilliseconds(10), action, log, stoppingToken);
    }
}
