using System.Diagnostics;
using EventShop.Contracts;
using EventShop.Messaging;

namespace OrderService;

/// <summary>
/// The payment is decided: a pending order becomes paid or declined, one that waits for its refund is cancelled. Any other stays
/// as it is; if it was cancelled before, its cancellation has been answered.
/// </summary>
public sealed class SettleOrder(OrderStore orders, TimeProvider clock)
    : IHandle<PaymentSucceeded>, IHandle<PaymentFailed>, IHandle<PaymentRefunded>
{
    private static string? TraceId => Activity.Current?.TraceId.ToString();

    public Task HandleAsync(PaymentSucceeded message, MessageContext context, CancellationToken cancellationToken)
    {
        // A cancelled order stays cancelled: the payment service knows, and gives the money back.
        var now = clock.GetUtcNow();
        return orders.MoveAsync(
            Order.Pay(message.OrderId, now, TraceId), OutboxEvent.Of(new OrderPaid(message.OrderId, now), message.OrderId, now));
    }

    public async Task HandleAsync(PaymentFailed message, MessageContext context, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var declined = await orders.MoveAsync(
            Order.Decline(message.OrderId, now, TraceId),
            OutboxEvent.Of(new OrderDeclined(message.OrderId, message.Reason, now), message.OrderId, now));
        if (!declined)
            await orders.CancellationAnsweredAsync(message.OrderId, cancellationToken);
    }

    public async Task HandleAsync(PaymentRefunded message, MessageContext context, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var cancelled = new OrderCancelled(
            message.OrderId, message.Currency, message.Amount, CancelOrder.ByCustomer, IsRefunded: true, now);
        if (!await orders.MoveAsync(Order.Refund(message.OrderId, now, TraceId), OutboxEvent.Of(cancelled, message.OrderId, now)))
            await orders.CancellationAnsweredAsync(message.OrderId, cancellationToken);
    }
}
