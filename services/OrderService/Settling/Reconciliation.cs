using System.ComponentModel.DataAnnotations;
using EventShop.Hosting;
using EventShop.Messaging;

namespace OrderService;

/// <summary>Configuration section <c>Reconciliation</c>.</summary>
public sealed class ReconciliationOptions
{
    /// <summary>How long an order may stay pending before it is announced again, and again after as long.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan PendingAfter { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How often overdue orders are looked for.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Orders announced again at one time.</summary>
    [Range(1, 100_000)]
    public int Limit { get; set; } = 1000;
}

/// <summary>
/// Announces orders again that stayed pending too long. The broker may have lost what it acknowledged, so nobody waits for an
/// event that may never come: the payment service answers a known order with its stored outcome, and charges an unknown one.
/// </summary>
public sealed class Reconciler(
    OrderStore orders, Outbox outbox, ReconciliationOptions options, Supervisor supervisor, TimeProvider clock, ILogger<Reconciler> log)
    : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        supervisor.EveryAsync("reconciliation", options.Interval, AnnounceOverdueAsync, log, stoppingToken);

    private async Task AnnounceOverdueAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var overdue = await orders.TakeOverdueAsync(now - options.PendingAfter, now, options.Limit, cancellationToken);
        if (overdue.Count == 0)
            return;
        await outbox.ResendAsync(overdue, cancellationToken);
        log.AnnouncedAgain(overdue.Count, options.PendingAfter);
    }
}

internal static class ReconciliationExtensions
{
    public static void AddReconciliation(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(builder.Configuration.GetValidated<ReconciliationOptions>("Reconciliation"));
        builder.Services.AddHostedService<Reconciler>();
    }
}
