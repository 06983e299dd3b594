using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using PaymentGateway.Ledger;

namespace PaymentGateway.Charges;

/// <summary>
/// <c>GET /charges?orderId=</c>: an order's charges, oldest first; without an order the whole ledger, streamed. Never subject to
/// chaos: it is what tests compare the shop with.
/// </summary>
internal static class ListCharges
{
    [Tags("Charges"), EndpointSummary("List an order's charges, or all")]
    [Refuses(StatusCodes.Status400BadRequest, "orderId is not a UUID.")]
    public static Ok<IEnumerable<ChargeView>> Handle(Guid? orderId, LedgerBook ledger)
        => TypedResults.Ok((orderId is { } order ? ledger.OfOrder(order) : ledger.All()).Select(ChargeView.Of));
}

/// <summary>
/// A charge as the ledger has it: <c>{"id":"ch_…","orderId":"…","idempotencyKey":"…","status":"captured","amount":44.80,
/// "currency":"EUR","createdAt":"…","refund":{"id":"re_…","amount":44.80,"createdAt":"…"}}</c>; a declined one has a
/// <c>declineCode</c>, only a refunded one a <c>refund</c> (its status is then "refunded").
/// </summary>
public sealed record ChargeView(
    string Id,
    Guid OrderId,
    string IdempotencyKey,
    string Status,
    string? DeclineCode,
    decimal Amount,
    string Currency,
    DateTimeOffset CreatedAt,
    RefundView? Refund)
{
    internal static ChargeView Of(Charge charge)
    {
        var refund = charge.Refund is { IsRecorded: true } recorded ? recorded : null;
        return new ChargeView(
            charge.Id,
            charge.OrderId,
            charge.Key,
            refund is null ? charge.Status : "refunded",
            charge.DeclineCode,
            charge.Amount,
            charge.Currency,
            charge.At,
            refund is null ? null : new RefundView(refund.Id, refund.Amount, refund.At));
    }
}

/// <summary>The refund of a charge.</summary>
public sealed record RefundView(string Id, decimal Amount, DateTimeOffset CreatedAt);
