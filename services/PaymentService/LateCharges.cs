using EventShop.Messaging;
using Npgsql;

namespace PaymentService;

/// <summary>
/// Looks once more for the charge of a payment that was given up for never made. A request nobody waits for any more may still be on
/// its way, or lie in a gateway that is slow: the customer of a cancelled order is not left charged even then.
/// </summary>
public sealed class LateCharges(
    PaymentStore payments, IServiceScopeFactory scopes, GatewayOptions options, TimeProvider clock, ILogger<LateCharges> log)
    : BackgroundService
{
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.LookAgainAfter < LongestInterval ? options.LookAgainAfter : LongestInterval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                while (await payments.TakeDueForLookAsync(clock.GetUtcNow(), options.LookAgainAfter, stoppingToken) is { } payment)
                    await LookAsync(payment, stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or DependencyUnavailableException or NotYetException or PoisonMessageException)
            {
                // It stays due: it is taken again after as long.
                log.LateChargesNotRead(e.Message);
            }
        }
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
