using EventShop.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.Messaging;

/// <summary>Watches what the outbox owes, and prunes what it has sent.</summary>
internal sealed class OutboxKeeper(OutboxTable table, Supervisor supervisor, TimeProvider clock, ILogger<OutboxKeeper> log) : BackgroundService
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PruneInterval = TimeSpan.FromMinutes(10);

    /// <summary>What was owed when last looked at; null before that.</summary>
    public OutboxBacklog? Backlog { get; private set; }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        supervisor.EveryAsync("outbox watch", WatchInterval, WatchAsync, log, stoppingToken),
        supervisor.EveryAsync("outbox pruning", PruneInterval, PruneAsync, log, stoppingToken));

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        Backlog = await table.BacklogAsync(cancellationToken);
        MessagingTelemetry.OutboxAge.Record(Backlog.Oldest is { } oldest ? Math.Max(0, (clock.GetUtcNow() - oldest).TotalSeconds) : 0);
        MessagingTelemetry.OutboxDepth.Record(Backlog.Unsent);
        MessagingTelemetry.OutboxScheduled.Record(Backlog.Scheduled);
        MessagingTelemetry.OutboxParked.Record(Backlog.Parked);
    }

    private async Task PruneAsync(CancellationToken cancellationToken)
    {
        if (await table.PruneAsync(clock.GetUtcNow(), clock, cancellationToken) is > 0 and var count)
            log.Pruned(count);
    }
}
