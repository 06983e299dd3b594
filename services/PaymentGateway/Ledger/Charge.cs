using PaymentGateway.Charges;

namespace PaymentGateway.Ledger;

/// <summary>A decision on a card, captured or declined. Public members are its line in the journal.</summary>
internal sealed class Charge
{
    private Refund? refund;
    private volatile bool recorded;

    public required string Id { get; init; }

    public required Guid OrderId { get; init; }

    public required string Key { get; init; }

    public required decimal Amount { get; init; }

    public required string Currency { get; init; }

    /// <summary>One of <see cref="PaymentTokens" />.</summary>
    public required string Token { get; init; }

    /// <summary>Null: captured.</summary>
    public string? DeclineCode { get; init; }

    public required DateTimeOffset At { get; init; }

    internal string Status => DeclineCode is null ? "captured" : "declined";

    /// <summary>False while the first request with its key is on the way to the journal.</summary>
    internal bool IsRecorded => recorded;

    /// <summary>Recorded, or on its way.</summary>
    internal Refund? Refund => Volatile.Read(ref refund);

    /// <summary>The next older charge of the same order; a list of its own would be larger than the charge.</summary>
    internal Charge? Next { get; set; }

    internal void MarkRecorded() => recorded = true;

    /// <summary>True for the one refund that a charge can have.</summary>
    internal bool TakeRefund(Refund wanted) => Interlocked.CompareExchange(ref refund, wanted, null) is null;

    internal void ReturnRefund(Refund failed) => Interlocked.CompareExchange(ref refund, null, failed);
}
