using System.Diagnostics;
using EventShop.Contracts;
using EventShop.Messaging;

namespace OrderService;

/// <summary>
/// The payment is decided: a pending order becomes paid or declined, one that waits for its refund is cancelled. Any other stays
/// as it is; if it was cancelled before, its cancellation has been answered. An outcome that is not the order's own is refused: the order
/// goes on waiting for the true one.
/// </summary>
public sealed class SettleOrder(OrderStore orders, TimeProvider clock)
    : IHandle<PaymentSucceeded>, IHandle<PaymentFailed>, IHandle<PaymentRefunded>
{
    private static string? TraceId => Activity.Current?.TraceId.ToString();

    public async Task HandleAsync(PaymentSucceeded message, MessageContext context, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var captured = new Money(message.Amount, message.Currency);
        // A cancelled order stays cancelled: the payment service knows, and gives the money back.
        if (!await orders.MoveAsync(
            Order.Pay(message.OrderId, captured, now, TraceId), OutboxEvent.Of(new OrderPaid(message.OrderId, now), message.OrderId, now)))
            await RefuseOthersAsync(message.OrderId, captured, cancellationToken);
    }

    public async Task HandleAsync(PaymentFailed message, MessageContext context, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var declined = await orders.MoveAsync(
            Order.Decline(message.OrderId, now, TraceId),
            OutboxEvent.Of(new OrderDeclined(message.OrderId, message.Reason, now), message.OrderId, now));
        if (declined)
            return;
        if (await orders.FindAsync(message.OrderId, cancellationToken) is null)
            throw NoSuchOrder();
        await orders.CancellationAnsweredAsync(message.OrderId, cancellationToken);
    }

    public async Task HandleAsync(PaymentRefunded message, MessageContext context, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        var refunded = new Money(message.Amount, message.Currency);
        var cancelled = new OrderCancelled(
            message.OrderId, message.Currency, message.Amount, CancelOrder.ByCustomer, IsRefunded: true, now);
        if (await orders.MoveAsync(Order.Refund(message.OrderId, refunded, now, TraceId), OutboxEvent.Of(cancelled, message.OrderId, now)))
            return;
        await RefuseOthersAsync(message.OrderId, refunded, cancellationToken);
        await orders.CancellationAnsweredAsync(message.OrderId, cancellationToken);
    }

    /// <summary>Tells an outcome that comes again from one of another order. An order's price never changes.</summary>
    /// <exception cref="PoisonMessageException">There is no such order, or it has another price.</exception>
    private async Task RefuseOthersAsync(Guid orderId, Money money, CancellationToken cancellationToken)
    {
        if (await orders.FindAsync(orderId, cancellationToken) is not { } order)
            throw NoSuchOrder();
        if (order.Price != money)
            throw new PoisonMessageException("its amount or currency is not the order's");
    }

    private static PoisonMessageException NoSuchOrder() => new("there is no order of its orderId");
}
