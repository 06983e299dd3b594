namespace PaymentGateway.Charges;

/// <summary>Test cards: what a charge of each does.</summary>
internal static class PaymentTokens
{
    /// <summary>Captures.</summary>
    public const string Ok = "tok_ok";

    /// <summary>Declines: 402.</summary>
    public const string Declined = "tok_declined";

    /// <summary>Fails twice per order with 503 and nothing stored, then captures.</summary>
    public const string Flaky = "tok_flaky";

    /// <summary>Captures, but the connection drops before the answer; a repetition gets the stored one.</summary>
    public const string LostReply = "tok_lost_reply";

    public static readonly string[] All = [Ok, Declined, Flaky, LostReply];

    public static bool IsKnown(string? token) => token is Ok or Declined or Flaky or LostReply;
}
