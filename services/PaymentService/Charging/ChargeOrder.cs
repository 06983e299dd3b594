using EventShop.Contracts;
using EventShop.Hosting;
using EventShop.Messaging;

namespace PaymentService;

/// <summary>An order has been created: charge it once, however often this is called, and not at all once its cancellation is known.</summary>
public sealed class ChargeOrder(PaymentStore payments, GatewayClient gateway, Refunds refunds, TimeProvider clock) : IHandle<OrderCreated>
{
    public async Task HandleAsync(OrderCreated message, MessageContext context, CancellationToken cancellationToken)
    {
        var (payment, isNew) = await payments.BeginAsync(Payment.Request(message, clock.GetUtcNow()));
        if (payment.OutcomeId is { } outcome)
        {
            // Whoever announces a settled order again has missed its outcome.
            await payments.TellAgainAsync(outcome, cancellationToken);
            return;
        }
        if (payment.IsCancelled)
            return; // CancelPayment brings it to its end.

        ProcessStep.Reached("payment.before-charge");
        // Begun before and not settled: the gateway may have charged it, and its answer was lost. Look before charging.
        var result = (isNew ? null : await gateway.FindChargeAsync(payment, cancellationToken))
            ?? await gateway.ChargeAsync(payment, message.PaymentToken, isStored: isNew, cancellationToken);
        ProcessStep.Reached("payment.after-charge");
        var applied = await payments.SettleAsync(payment.Settle(result, clock.GetUtcNow()));
        if (!applied && result is ChargeResult.Captured captured)
            await refunds.CapturedAfterAllAsync(payment.OrderId, captured.ChargeId, cancellationToken);
    }
}
