using EventShop.Contracts;
using EventShop.Messaging;

namespace PaymentService;

/// <summary>
/// An order is cancelled, or is to be: it is not charged any more, what was captured is given back, and the order service is told
/// which of the two it was. A charge that is on its way is waited for.
/// </summary>
public sealed class CancelPayment(
    PaymentStore payments, GatewayClient gateway, Refunds refunds, GatewayOptions options, TimeProvider clock)
    : IHandle<OrderCancelled>, IHandle<OrderCancellationRequested>
{
    public Task HandleAsync(OrderCancelled message, MessageContext context, CancellationToken cancellationToken) => message.IsRefunded
        ? Task.CompletedTask
        : CancelAsync(Payment.Void(message.OrderId, message.Total, message.Currency, clock.GetUtcNow()), cancellationToken);

    public Task HandleAsync(OrderCancellationRequested message, MessageContext context, CancellationToken cancellationToken) =>
        CancelAsync(Payment.Void(message.OrderId, message.Total, message.Currency, clock.GetUtcNow()), cancellationToken);

    private async Task CancelAsync(Payment unheardOf, CancellationToken cancellationToken)
    {
        if (await payments.CancelAsync(unheardOf, cancellationToken) is not { } payment)
            return; // Never charged: told with the same commit.

        switch (payment.NextStep(clock.GetUtcNow(), options.LongestCall))
        {
            case CancellationStep.Wait:
                throw new NotYetException("a charge of the cancelled order is on its way");
            case CancellationStep.LookUp:
                var result = await gateway.FindChargeAsync(payment, cancellationToken) ?? new ChargeResult.NotMade(clock.GetUtcNow() + options.LookAgainAfter);
                await payments.SettleAsync(payment.Settle(result, clock.GetUtcNow()));
                if (result is ChargeResult.Captured)
                    await refunds.RefundAsync(payment.OrderId, cancellationToken);
                break;
            case CancellationStep.Refund:
                await refunds.RefundAsync(payment.OrderId, cancellationToken);
                break;
            case CancellationStep.TellAgain:
                if (payment.OutcomeId is { } outcome)
                    await payments.TellAgainAsync(outcome, cancellationToken);
                break;
        }
    }
}

/// <summary>Gives captured money back. Safe to repeat: the attempt is stored before the call, and the key follows from the order.</summary>
public sealed class Refunds(PaymentStore payments, GatewayClient gateway, TimeProvider clock)
{
    public async Task RefundAsync(Guid orderId, CancellationToken cancellationToken)
    {
        if (await payments.BeginRefundAsync(orderId, clock.GetUtcNow(), cancellationToken) is not { } payment)
            return; // Given back by another delivery.
        var refundId = await gateway.RefundAsync(payment, cancellationToken);
        var now = clock.GetUtcNow();
        await payments.FinishRefundAsync(payment, refundId, payment.Refunded(refundId, now), now, cancellationToken);
    }

    /// <summary>
    /// A charge that came through after the payment had been given up for never made, because this process or the gateway stood still
    /// for as long: the customer is not left charged.
    /// </summary>
    public async Task CapturedAfterAllAsync(Guid orderId, string chargeId, CancellationToken cancellationToken)
    {
        if (await payments.ReopenAsync(orderId, chargeId, cancellationToken))
            await RefundAsync(orderId, cancellationToken);
    }
}
