using EventShop.Contracts;

namespace OrderService;

/// <summary>An order as it is stored and shown.</summary>
/// <param name="Total">In <paramref name="Currency"/>, two decimals.</param>
/// <param name="History">How it came to be what it is; the last entry is its status.</param>
public sealed record Order(
    Guid Id, string CustomerId, OrderStatus Status, string Currency, decimal Total, IReadOnlyList<OrderLine> Items,
    DateTimeOffset CreatedAt, IReadOnlyList<HistoryEntry> History)
{
    /// <summary>A customer's new order, at the catalogue's prices.</summary>
    public static Order Place(Guid id, string customerId, IReadOnlyList<OrderLine> items, DateTimeOffset now, string? traceId) => new(
        id, customerId, OrderStatus.Pending, Catalogue.Currency, items.Sum(line => line.UnitPrice * line.Quantity), items, now,
        [new("created", now, traceId)]);

    /// <summary>What happens when the money has been captured.</summary>
    public static Transition Pay(Guid id, DateTimeOffset now, string? traceId) =>
        new(id, OrderStatus.Pending, OrderStatus.Paid, new("paid", now, traceId));

    /// <summary>What happens when the card was declined.</summary>
    public static Transition Decline(Guid id, DateTimeOffset now, string? traceId) =>
        new(id, OrderStatus.Pending, OrderStatus.Declined, new("declined", now, traceId));
}

/// <summary>Pending until its payment is decided; every other status is final.</summary>
public enum OrderStatus
{
    Pending,
    Paid,
    Declined,
    Cancelled,
}

/// <summary>One event in the life of an order.</summary>
/// <param name="Event"><c>created</c>, <c>paid</c>, <c>declined</c> or <c>cancelled</c>.</param>
/// <param name="At">By the order service's clock.</param>
/// <param name="TraceId">Where to look it up: 32 hex digits, or null when nothing was traced.</param>
public sealed record HistoryEntry(string Event, DateTimeOffset At, string? TraceId);

/// <summary>A legal move of an order. It applies only to an order that is in <paramref name="From"/>, so it applies once.</summary>
public sealed record Transition(Guid OrderId, OrderStatus From, OrderStatus To, HistoryEntry Entry);
