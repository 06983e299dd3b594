using System.Buffers.Binary;
using System.Text.Json.Serialization;
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

    /// <summary>What the order costs.</summary>
    [JsonIgnore]
    public Money Price => new(Total, Currency);

    /// <summary>What happens when its price has been captured.</summary>
    public static Transition Pay(Guid id, Money captured, DateTimeOffset now, string? traceId) =>
        new(id, OrderStatus.Pending, OrderStatus.Paid, new("paid", now, traceId), captured);

    /// <summary>What happens when the card was declined.</summary>
    public static Transition Decline(Guid id, DateTimeOffset now, string? traceId) =>
        new(id, OrderStatus.Pending, OrderStatus.Declined, new("declined", now, traceId));

    /// <summary>What happens when a cancelled order's price has been given back.</summary>
    public static Transition Refund(Guid id, Money refunded, DateTimeOffset now, string? traceId) =>
        new(id, OrderStatus.Cancelling, OrderStatus.Cancelled, new("cancelled", now, traceId), refunded);

    /// <summary>
    /// What a cancellation does: a pending order is cancelled at once, a paid one when its money has been given back. In both
    /// cases the payment service has to answer, since a charge may be on its way.
    /// </summary>
    /// <returns>Null when there is nothing to do, or nothing that can be done: see <see cref="CanCancel"/>.</returns>
    public Transition? Cancel(DateTimeOffset now, string? traceId) => Status switch
    {
        OrderStatus.Pending => new(Id, Status, OrderStatus.Cancelled, new("cancelled", now, traceId), AwaitsPayment: true),
        OrderStatus.Paid => new(Id, Status, OrderStatus.Cancelling, new("cancelling", now, traceId), AwaitsPayment: true),
        _ => null,
    };

    /// <summary>False when it is too late: it was declined, or paid for longer than <paramref name="paidLimit"/>.</summary>
    public bool CanCancel(DateTimeOffset now, TimeSpan paidLimit) => Status switch
    {
        OrderStatus.Declined => false,
        OrderStatus.Paid => now - CreatedAt <= paidLimit,
        _ => true,
    };
}

/// <summary>Pending until its payment is decided, Cancelling until its money has been given back. Declined and Cancelled are final.</summary>
public enum OrderStatus
{
    Pending,
    Paid,
    Declined,
    Cancelling,
    Cancelled,
}

/// <summary>One event in the life of an order.</summary>
/// <param name="Event"><c>created</c>, <c>paid</c>, <c>declined</c>, <c>cancelling</c> or <c>cancelled</c>.</param>
/// <param name="At">By the order service's clock.</param>
/// <param name="TraceId">Where to look it up: 32 hex digits, or null when nothing was traced.</param>
public sealed record HistoryEntry(string Event, DateTimeOffset At, string? TraceId);

/// <param name="Currency">ISO 4217.</param>
public sealed record Money(decimal Amount, string Currency);

/// <summary>A legal move of an order. It applies only to an order that is in <paramref name="From"/>, so it applies once.</summary>
/// <param name="Price">It applies only to an order that costs this much; null: whatever it costs.</param>
/// <param name="AwaitsPayment">The payment service has to answer what becomes of the money.</param>
public sealed record Transition(
    Guid OrderId, OrderStatus From, OrderStatus To, HistoryEntry Entry, Money? Price = null, bool AwaitsPayment = false);

/// <summary>The time in a version 7 UUID: it begins with 48 bits of Unix milliseconds (RFC 9562), so ids lie in order of time.</summary>
internal static class UuidV7
{
    /// <summary>Less than or equal to every id of this millisecond or later, and greater than every one before.</summary>
    public static Guid FirstAt(DateTimeOffset time)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        BinaryPrimitives.WriteInt64BigEndian(bytes, time.ToUnixTimeMilliseconds() << 16);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>When the id was made, to the millisecond.</summary>
    public static DateTimeOffset TimeOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return DateTimeOffset.FromUnixTimeMilliseconds(BinaryPrimitives.ReadInt64BigEndian(bytes) >>> 16);
    }
}
