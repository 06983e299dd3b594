using PaymentGateway.Ledger;

namespace PaymentGateway.Charges;

/// <summary><c>{"orderId":"…","amount":44.80,"currency":"EUR","paymentToken":"tok_ok"}</c></summary>
/// <param name="OrderId">The merchant's reference, a GUID.</param>
/// <param name="Amount">In the currency's main unit, at most two decimals, above 0 up to 1,000,000.</param>
/// <param name="Currency">ISO 4217, three capital letters.</param>
/// <param name="PaymentToken">Stands for a card; see <see cref="PaymentTokens" />.</param>
public sealed record ChargeRequest(Guid? OrderId, decimal? Amount, string? Currency, string? PaymentToken)
{
    private const decimal MaxAmount = 1_000_000m;

    internal Dictionary<string, string[]> Check()
    {
        var errors = new Dictionary<string, string[]>();
        if (OrderId is null || OrderId == Guid.Empty)
        {
            errors["orderId"] = ["is required, a GUID that is not empty"];
        }

        if (Amount is not (> 0 and <= MaxAmount) || decimal.Round(Amount.Value, 2) != Amount)
        {
            errors["amount"] = ["is required, above 0 and at most 1000000, with at most two decimals"];
        }

        if (Currency is not { Length: 3 } || !Currency.All(char.IsAsciiLetterUpper))
        {
            errors["currency"] = ["is required, three capital letters"];
        }

        if (!PaymentTokens.IsKnown(PaymentToken))
        {
            errors["paymentToken"] = [$"is required, one of {string.Join(", ", PaymentTokens.All)}"];
        }

        return errors;
    }

    internal bool IsSameAs(Charge charge)
        => charge.OrderId == OrderId && charge.Amount == Amount && charge.Currency == Currency && charge.Token == PaymentToken;
}

/// <summary>
/// 201 <c>{"id":"ch_…","orderId":"…","status":"captured","amount":44.80,"currency":"EUR"}</c>, or
/// 402 <c>{"id":"ch_…","orderId":"…","status":"declined","declineCode":"card_declined","amount":44.80,"currency":"EUR"}</c>.
/// </summary>
public sealed record ChargeAnswer(string Id, Guid OrderId, string Status, string? DeclineCode, decimal Amount, string Currency)
{
    internal static ChargeAnswer Of(Charge charge)
        => new(charge.Id, charge.OrderId, charge.Status, charge.DeclineCode, charge.Amount, charge.Currency);
}
