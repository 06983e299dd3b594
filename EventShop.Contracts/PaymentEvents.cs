using System.Text.Json.Serialization.Metadata;
using EventShop.Messaging;

namespace EventShop.Contracts;

/// <summary>What the payment service tells the world, on stream <c>PAYMENTS</c>.</summary>
public static class PaymentEvents
{
    /// <summary>The stream.</summary>
    public const string Stream = "PAYMENTS";

    /// <summary>Who publishes them: their CloudEvents <c>source</c>.</summary>
    public const string Source = "/PaymentService";

    /// <summary>All of its subjects.</summary>
    public const string Subjects = "payments.>";
}

/// <summary>The order's money has been captured at the gateway.</summary>
/// <param name="ChargeId">The gateway's id of the charge.</param>
public sealed record PaymentSucceeded(Guid OrderId, string ChargeId, decimal Amount, string Currency, DateTimeOffset CapturedAt)
    : IEvent<PaymentSucceeded>
{
    /// <inheritdoc />
    public static string Type => "eventshop.payments.succeeded.v1";

    /// <inheritdoc />
    public static string Subject => "payments.succeeded";

    /// <inheritdoc />
    public static JsonTypeInfo<PaymentSucceeded> Json => ContractsJson.Default.PaymentSucceeded;
}

/// <summary>Nothing was captured, and nothing will be: the gateway declined the charge, or the order was cancelled before it.</summary>
/// <param name="Reason">The gateway's code, for example <c>card_declined</c>; or <c>order_cancelled</c>.</param>
public sealed record PaymentFailed(Guid OrderId, string Reason, DateTimeOffset FailedAt) : IEvent<PaymentFailed>
{
    /// <inheritdoc />
    public static string Type => "eventshop.payments.failed.v1";

    /// <inheritdoc />
    public static string Subject => "payments.failed";

    /// <inheritdoc />
    public static JsonTypeInfo<PaymentFailed> Json => ContractsJson.Default.PaymentFailed;
}

/// <summary>What had been captured was given back in full.</summary>
/// <param name="RefundId">The gateway's id of the refund.</param>
public sealed record PaymentRefunded(Guid OrderId, string RefundId, decimal Amount, string Currency, DateTimeOffset RefundedAt)
    : IEvent<PaymentRefunded>
{
    /// <inheritdoc />
    public static string Type => "eventshop.payments.refunded.v1";

    /// <inheritdoc />
    public static string Subject => "payments.refunded";

    /// <inheritdoc />
    public static JsonTypeInfo<PaymentRefunded> Json => ContractsJson.Default.PaymentRefunded;
}
