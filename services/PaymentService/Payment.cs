using EventShop.Contracts;
using EventShop.Messaging;

namespace PaymentService;

/// <summary>The payment of one order.</summary>
/// <param name="IdempotencyKey">Under which the gateway charges: one key, one charge.</param>
/// <param name="OutcomeId">The event that told of the outcome; null until there is one.</param>
public sealed record Payment(
    Guid OrderId, PaymentState State, decimal Amount, string Currency, string IdempotencyKey, DateTimeOffset RequestedAt,
    Guid? OutcomeId = null)
{
    /// <summary>The payment that an order asks for. Its key follows from the order, so that nobody can ever make a second one.</summary>
    public static Payment Request(OrderCreated order, DateTimeOffset now) =>
        new(order.OrderId, PaymentState.Requested, order.Total, order.Currency, $"pay:{order.OrderId}:1", now);

    /// <summary>What the gateway's answer makes of a requested payment, and the event that tells of it.</summary>
    public Settlement Settle(ChargeResult result, DateTimeOffset now) => result switch
    {
        ChargeResult.Captured captured => new(
            OrderId, PaymentState.Captured, captured.ChargeId, Reason: null, now,
            OutboxEvent.Of(new PaymentSucceeded(OrderId, captured.ChargeId, Amount, Currency, now), OrderId, now)),
        ChargeResult.Declined declined => new(
            OrderId, PaymentState.Declined, ChargeId: null, declined.Reason, now,
            OutboxEvent.Of(new PaymentFailed(OrderId, declined.Reason, now), OrderId, now)),
        _ => throw new ArgumentOutOfRangeException(nameof(result)),
    };
}

/// <summary>Requested until the gateway has answered; the others are final.</summary>
public enum PaymentState
{
    Requested,
    Captured,
    Declined,
}

/// <summary>A requested payment's outcome. It applies only to a payment that has none, so it applies once.</summary>
public sealed record Settlement(
    Guid OrderId, PaymentState State, string? ChargeId, string? Reason, DateTimeOffset At, OutboxEvent Outcome);

/// <summary>The gateway's answer to a charge.</summary>
public abstract record ChargeResult
{
    private ChargeResult()
    {
    }

    /// <summary>The money is there.</summary>
    public sealed record Captured(string ChargeId) : ChargeResult;

    /// <summary>The gateway said no, for good.</summary>
    public sealed record Declined(string Reason) : ChargeResult;
}
