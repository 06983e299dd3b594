using System.Diagnostics;
using EventShop.Contracts;
using EventShop.Messaging;

namespace OrderService;

/// <summary>The payment is decided: a pending order becomes paid or declined. Any other stays as it is.</summary>
public sealed class SettleOrder(OrderStore orders, TimeProvider clock) : IHandle<PaymentSucceeded>, IHandle<PaymentFailed>
{
    public Task HandleAsync(PaymentSucceeded message, MessageContext context, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return orders.MoveAsync(
            Order.Pay(message.OrderId, now, Activity.Current?.TraceId.ToString()),
            OutboxEvent.Of(new OrderPaid(message.OrderId, now), message.OrderId, now));
    }

    public Task HandleAsync(PaymentFailed message, MessageContext context, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        return orders.MoveAsync(
            Order.Decline(message.OrderId, now, Activity.Current?.TraceId.ToString()),
            OutboxEvent.Of(new OrderDeclined(message.OrderId, message.Reason, now), message.OrderId, now));
    }
}
