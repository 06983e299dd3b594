using EventShop.Hosting;

namespace PaymentService;

/// <summary>
/// Looks once more for the charge of a payment that was given up for never made. A request nobody waits for any more may still be on
/// its way, or lie in a gateway that is slow: the customer of a cancelled order is not left charged even then.
/// </summary>
public sealed class LateCharges(
    PaymentStore payments, IServiceScopeFactory scopes, GatewayOptions options, Supervisor supervisor, TimeProvider clock,
    ILogger<LateCharges> log) : BackgroundService
{
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(10);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => supervisor.EveryAsync(
        "search for late charges", options.LookAgainAfter < LongestInterval ? options.LookAgainAfter : LongestInterval, LookAllAsync, log, stoppingToken);

    /// <summary>A payment whose look-up fails stays due: it is taken again later, and holds up no other.</summary>
    private async Task LookAllAsync(CancellationToken cancellationToken)
    {
        while (await payments.TakeDueForLookAsync(clock.GetUtcNow(), options.LookAgainAfter, cancellationToken) is { } payment)
            await LookAsync(payment, cancellationToken);
    }

    private async Task LookAsync(Payment payment, CancellationToken cancellationToken)
    {
        await using var scope = scopes.CreateAsyncScope();
        var gateway = scope.ServiceProvider.GetRequiredService<GatewayClient>();
        if (await gateway.FindChargeAsync(payment, cancellationToken) is ChargeResult.Captured captured)
        {
            log.ChargedLate(payment.OrderId);
            await scope.ServiceProvider.GetRequiredService<Refunds>().CapturedAfterAllAsync(payment.OrderId, captured.ChargeId, cancellationToken);
        }
        await payments.LookedAsync(payment.OrderId, cancellationToken);
    }
}
