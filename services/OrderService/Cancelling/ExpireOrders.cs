using System.ComponentModel.DataAnnotations;
using System.Runtime.ExceptionServices;
using EventShop.Hosting;
using EventShop.Postgres;

namespace OrderService;

/// <summary>Configuration section <c>Expiry</c>.</summary>
public sealed class ExpiryOptions
{
    /// <summary>How long an order may wait for its payment before it is cancelled.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan PendingLimit { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>How often such orders are looked for.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Orders cancelled at one time.</summary>
    [Range(1, 100_000)]
    public int Limit { get; set; } = 1000;
}

/// <summary>Cancels orders whose payment took too long, the way a customer does: what is captured after all is given back.</summary>
public sealed class ExpireOrders(
    OrderStore orders, CancelOrder cancellation, ExpiryOptions options, Supervisor supervisor, TimeProvider clock, ILogger<ExpireOrders> log)
    : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        supervisor.EveryAsync("expiry of orders", options.Interval, ExpireAsync, log, stoppingToken);

    private async Task ExpireAsync(CancellationToken cancellationToken)
    {
        var overdue = await orders.PendingSinceAsync(clock.GetUtcNow() - options.PendingLimit, options.Limit, cancellationToken);
        Exception? failure = null;
        foreach (var id in overdue)
            try
            {
                // Not what was paid since it was looked for.
                await cancellation.CancelAsync(id, CancelOrder.Expired, cancellationToken, pendingOnly: true);
            }
            catch (Exception e) when (!e.IsDatabaseUnavailable() && e is not OverloadedException && !cancellationToken.IsCancellationRequested)
            {
                // An order that cannot be expired must not keep those after it from expiring.
                failure ??= e;
            }

        if (overdue.Count > 0)
            log.Expired(overdue.Count, options.PendingLimit);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }
}

internal static class CancellationExtensions
{
    public static void AddCancellation(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(builder.Configuration.GetValidated<CancellationOptions>("Cancellation"));
        builder.Services.AddSingleton(builder.Configuration.GetValidated<ExpiryOptions>("Expiry"));
        builder.Services.AddSingleton<CancelOrder>();
        builder.Services.AddHostedService<ExpireOrders>();
    }
}
