using EventShop.Contracts;
using EventShop.Messaging;

namespace PaymentService;

/// <summary>The payment of one order.</summary>
/// <param name="IdempotencyKey">Under which the gateway charges: one key, one charge.</param>
/// <param name="IsCancelled">The order's cancellation is known: it must not be charged any more, and what was captured be given back.</param>
/// <param name="OutcomeId">The event that told of the latest outcome; null until there is one.</param>
/// <param name="Attempts">Every call to the gateway, oldest first; each was stored before it was made.</param>
public sealed record Payment(
    Guid OrderId, PaymentState State, decimal Amount, string Currency, string IdempotencyKey, DateTimeOffset RequestedAt,
    IReadOnlyList<Attempt> Attempts, bool IsCancelled = false, string? ChargeId = null, string? RefundId = null,
    string? Reason = null, Guid? OutcomeId = null, DateTimeOffset? SettledAt = null)
{
    public const string OrderCancelled = "order_cancelled";

    /// <summary>Under which the gateway refunds. It follows from the order too: one refund, however often it is asked for.</summary>
    public string RefundKey => $"refund:{OrderId}:1";

    /// <summary>The payment that an order asks for. Its key follows from the order, so that nobody can ever make a second one.</summary>
    public static Payment Request(OrderCreated order, DateTimeOffset now) => new(
        order.OrderId, PaymentState.Requested, order.Total, order.Currency, KeyOf(order.OrderId), now, [new(Attempt.Charge, now, null)]);

    /// <summary>The payment of an order that was cancelled before it was heard of: it is never charged.</summary>
    public static Payment Void(Guid orderId, decimal amount, string currency, DateTimeOffset now) =>
        new(orderId, PaymentState.Cancelled, amount, currency, KeyOf(orderId), now, [], IsCancelled: true, Reason: OrderCancelled);

    /// <summary>What the gateway's answer makes of a payment that has none, and the event that tells of it.</summary>
    public Settlement Settle(ChargeResult result, DateTimeOffset now) => result switch
    {
        ChargeResult.Captured captured => new(
            OrderId, PaymentState.Captured, captured.ChargeId, Reason: null, now,
            OutboxEvent.Of(new PaymentSucceeded(OrderId, captured.ChargeId, Amount, Currency, now), OrderId, now)),
        ChargeResult.Declined declined => new(
            OrderId, PaymentState.Declined, ChargeId: null, declined.Reason, now, Failed(declined.Reason, now)),
        ChargeResult.NotMade missing => new(
            OrderId, PaymentState.Cancelled, ChargeId: null, OrderCancelled, now, Failed(OrderCancelled, now), missing.LookAgainAt),
        _ => throw new ArgumentOutOfRangeException(nameof(result)),
    };

    /// <summary>The event that tells of a payment that is never made, or was not.</summary>
    public OutboxEvent Failed(string reason, DateTimeOffset now) =>
        OutboxEvent.Of(new PaymentFailed(OrderId, reason, now), OrderId, now);

    /// <summary>The event that tells of its refund.</summary>
    public OutboxEvent Refunded(string refundId, DateTimeOffset now) =>
        OutboxEvent.Of(new PaymentRefunded(OrderId, refundId, Amount, Currency, now), OrderId, now);

    /// <summary>What the order's cancellation asks for.</summary>
    /// <param name="now">The time.</param>
    /// <param name="longestCall">After that, nobody waits any more for a call that was begun.</param>
    public CancellationStep NextStep(DateTimeOffset now, TimeSpan longestCall) => State switch
    {
        PaymentState.Captured or PaymentState.Refunding => CancellationStep.Refund,
        PaymentState.Requested or PaymentState.Unknown => now - LastCall <= longestCall ? CancellationStep.Wait : CancellationStep.LookUp,
        _ => CancellationStep.TellAgain,
    };

    /// <summary>When the gateway was last called, or was about to be.</summary>
    public DateTimeOffset LastCall => Attempts.Count == 0 ? RequestedAt : Attempts[^1].At;

    private static string KeyOf(Guid orderId) => $"pay:{orderId}:1";
}

/// <summary>
/// Requested until the gateway has answered: <c>Captured</c>, <c>Declined</c>, or no answer, <c>Unknown</c>, until it is looked up.
/// Captured money of a cancelled order is <c>Refunding</c>, then <c>Refunded</c>. <c>Cancelled</c> was never charged.
/// </summary>
public enum PaymentState
{
    Requested,
    Unknown,
    Captured,
    Declined,
    Cancelled,
    Refunding,
    Refunded,
}

/// <summary>What a cancellation asks for next.</summary>
public enum CancellationStep
{
    /// <summary>A charge is on its way.</summary>
    Wait,

    /// <summary>A charge was on its way, and nobody waits for it any more.</summary>
    LookUp,

    /// <summary>The money is here.</summary>
    Refund,

    /// <summary>Nothing, but whoever asks again has missed the answer.</summary>
    TellAgain,
}

/// <summary>A call to the gateway.</summary>
/// <param name="Kind"><c>charge</c>, <c>lookup</c> or <c>refund</c>.</param>
/// <param name="Result">What came of it, with the reason when it failed; null while that is not known.</param>
public sealed record Attempt(string Kind, DateTimeOffset At, string? Result)
{
    public const string Charge = "charge";
    public const string LookUp = "lookup";
    public const string Refund = "refund";
}

/// <summary>A requested payment's outcome. It applies only to a payment that has none, so it applies once.</summary>
/// <param name="LookAgainAt">When its charge is looked for once more; null when there is no need.</param>
public sealed record Settlement(
    Guid OrderId, PaymentState State, string? ChargeId, string? Reason, DateTimeOffset At, OutboxEvent Outcome,
    DateTimeOffset? LookAgainAt = null);

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

    /// <summary>There is no charge, and no other will be made: the order is cancelled.</summary>
    public sealed record NotMade(DateTimeOffset LookAgainAt) : ChargeResult;
}
