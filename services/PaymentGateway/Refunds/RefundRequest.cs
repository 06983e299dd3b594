using PaymentGateway.Ledger;

namespace PaymentGateway.Refunds;

/// <summary><c>{"chargeId":"ch_…","orderId":"…","amount":44.80}</c>; the amount is the charge's, there are no partial refunds.</summary>
public sealed record RefundRequest(string? ChargeId, Guid? OrderId, decimal? Amount)
{
    internal Dictionary<string, string[]> Check()
    {
        var errors = new Dictionary<string, string[]>();
        if (string.IsNullOrWhiteSpace(ChargeId))
        {
            errors["chargeId"] = ["is required"];
        }

        if (OrderId is null || OrderId == Guid.Empty)
        {
            errors["orderId"] = ["is required, a GUID that is not empty"];
        }

        if (Amount is not > 0)
        {
            errors["amount"] = ["is required, above 0"];
        }

        return errors;
    }

    internal bool IsSameAs(Refund refund)
        => refund.ChargeId == ChargeId && refund.OrderId == OrderId && refund.Amount == Amount;
}

/// <summary>201 <c>{"id":"re_…","chargeId":"ch_…","orderId":"…","status":"refunded","amount":44.80}</c></summary>
public sealed record RefundAnswer(string Id, string ChargeId, Guid OrderId, string Status, decimal Amount)
{
    internal static RefundAnswer Of(Refund refund) => new(refund.Id, refund.ChargeId, refund.OrderId, "refunded", refund.Amount);
}
