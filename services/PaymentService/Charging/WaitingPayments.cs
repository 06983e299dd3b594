using System.Diagnostics.Metrics;
using EventShop.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace PaymentService;

/// <summary>Payments that wait for the gateway, to be charged or to be given back.</summary>
/// <param name="Since">Since when the oldest waits; null when none does.</param>
public sealed record WaitingPayments(long Count, DateTimeOffset? Since);

/// <summary>
/// Watches the payments that wait: whatever keeps them from being made, somebody sees it here. Every replica tells the same.
/// </summary>
public sealed class WaitingPaymentsWatch : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly PaymentStore _payments;
    private readonly Supervisor _supervisor;
    private readonly TimeProvider _clock;
    private readonly ILogger<WaitingPaymentsWatch> _log;
    private readonly Meter _meter = new("EventShop.PaymentService");

    public WaitingPaymentsWatch(PaymentStore payments, Supervisor supervisor, TimeProvider clock, ILogger<WaitingPaymentsWatch> log)
    {
        (_payments, _supervisor, _clock, _log) = (payments, supervisor, clock, log);
        _meter.CreateObservableGauge("payment.waiting", () => Last.Count, "{payment}", "Payments that wait for the card gateway");
        _meter.CreateObservableGauge(
            "payment.waiting.oldest_age", () => OldestAge.TotalSeconds, "s", "How long the oldest payment has waited for the card gateway");
    }

    /// <summary>What waited when last looked at.</summary>
    public WaitingPayments Last { get; private set; } = new(0, null);

    /// <summary>Zero when none waits.</summary>
    public TimeSpan OldestAge => Last.Since is { } since && _clock.GetUtcNow() - since is var age && age > TimeSpan.Zero ? age : TimeSpan.Zero;

    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => _supervisor.EveryAsync(
        "watch of waiting payments", Interval, async cancellationToken => Last = await _payments.WaitingAsync(cancellationToken), _log, stoppingToken);
}

/// <summary>Payments get through, or wait for no longer than they may.</summary>
internal sealed class WaitingPaymentsHealthCheck(WaitingPaymentsWatch watch, GatewayOptions options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var age = watch.OldestAge;
        var description = $"{watch.Last.Count} waiting, oldest {age.TotalSeconds:0} s";
        return Task.FromResult(age > options.UnhealthyAge ? HealthCheckResult.Unhealthy(description) : HealthCheckResult.Healthy(description));
    }
}
