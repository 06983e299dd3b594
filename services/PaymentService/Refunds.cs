namespace PaymentService;

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
