using System.Text.Json.Serialization.Metadata;
using EventShop.Messaging;

namespace EventShop.Contracts;

/// <summary>What the payment service tells the world, on stream <c>PAYMENTS</c>.</summary>
public static class PaymentEvents
{
    /// <summary>The stream.</summary>
    public const string Stream = "PAYMENTS";

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

/// <summary>The gateway declined the charge; nothing was captured.</summary>
/// <param name="Reason">The gateway's code, for example <c>card_declined</c>.</param>
public sealed record PaymentFailed(Guid OrderId, string Reason, DateTimeOffset FailedAt) : IEvent<PaymentFailed>
{
    /// <inheritdoc />
    public static string Type => "eventshop.payments.failed.v1";

    /// <inheritdoc />
    public static string Subject => "payments.failed";

    /// <inheritdoc />
    public static JsonTypeInfo<PaymentFailed> Json => ContractsJson.Default.PaymentFailed;
}
