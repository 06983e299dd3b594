using System.Text.Json.Serialization.Metadata;
using EventShop.Messaging;

namespace EventShop.Contracts;

/// <summary>What the order service tells the world, on stream <c>ORDERS</c>.</summary>
public static class OrderEvents
{
    /// <summary>The stream.</summary>
    public const string Stream = "ORDERS";

    /// <summary>Who publishes them: their CloudEvents <c>source</c>.</summary>
    public const string Source = "/OrderService";

    /// <summary>All of its subjects.</summary>
    public const string Subjects = "orders.>";
}

/// <summary>A customer has placed an order; it waits for its payment.</summary>
/// <param name="Total">In <paramref name="Currency"/>, two decimals.</param>
/// <param name="PaymentToken">Stands for the card at the gateway. Never logged.</param>
public sealed record OrderCreated(
    Guid OrderId, string CustomerId, string Currency, decimal Total, string PaymentToken, IReadOnlyList<OrderLine> Items,
    DateTimeOffset CreatedAt) : IEvent<OrderCreated>
{
    /// <inheritdoc />
    public static string Type => "eventshop.orders.created.v1";

    /// <inheritdoc />
    public static string Subject => "orders.created";

    /// <inheritdoc />
    public static JsonTypeInfo<OrderCreated> Json => ContractsJson.Default.OrderCreated;
}

/// <param name="UnitPrice">The catalogue's price when the order was placed.</param>
public sealed record OrderLine(string Sku, int Quantity, decimal UnitPrice);

/// <summary>The order's money has been captured.</summary>
public sealed record OrderPaid(Guid OrderId, DateTimeOffset PaidAt) : IEvent<OrderPaid>
{
    /// <inheritdoc />
    public static string Type => "eventshop.orders.paid.v1";

    /// <inheritdoc />
    public static string Subject => "orders.paid";

    /// <inheritdoc />
    public static JsonTypeInfo<OrderPaid> Json => ContractsJson.Default.OrderPaid;
}

/// <summary>The customer's card was declined.</summary>
/// <param name="Reason">The gateway's code, for example <c>card_declined</c>.</param>
public sealed record OrderDeclined(Guid OrderId, string Reason, DateTimeOffset DeclinedAt) : IEvent<OrderDeclined>
{
    /// <inheritdoc />
    public static string Type => "eventshop.orders.declined.v1";

    /// <inheritdoc />
    public static string Subject => "orders.declined";

    /// <inheritdoc />
    public static JsonTypeInfo<OrderDeclined> Json => ContractsJson.Default.OrderDeclined;
}

/// <summary>The order is cancelled. Money that was captured for it, or is being captured, has to be given back.</summary>
/// <param name="Total">What the order would have cost, in <paramref name="Currency"/>, two decimals.</param>
/// <param name="Reason"><c>customer</c>, or <c>expired</c> when its payment took too long.</param>
/// <param name="IsRefunded">True when the money had been given back before: nothing is left to do.</param>
public sealed record OrderCancelled(
    Guid OrderId, string Currency, decimal Total, string Reason, bool IsRefunded, DateTimeOffset CancelledAt) : IEvent<OrderCancelled>
{
    /// <inheritdoc />
    public static string Type => "eventshop.orders.cancelled.v1";

    /// <inheritdoc />
    public static string Subject => "orders.cancelled";

    /// <inheritdoc />
    public static JsonTypeInfo<OrderCancelled> Json => ContractsJson.Default.OrderCancelled;
}

/// <summary>A paid order is to be cancelled: it is when its money has been given back.</summary>
/// <param name="Total">What was captured, in <paramref name="Currency"/>, two decimals.</param>
public sealed record OrderCancellationRequested(
    Guid OrderId, string Currency, decimal Total, string Reason, DateTimeOffset RequestedAt) : IEvent<OrderCancellationRequested>
{
    /// <inheritdoc />
    public static string Type => "eventshop.orders.cancellation_requested.v1";

    /// <inheritdoc />
    public static string Subject => "orders.cancellation_requested";

    /// <inheritdoc />
    public static JsonTypeInfo<OrderCancellationRequested> Json => ContractsJson.Default.OrderCancellationRequested;
}
