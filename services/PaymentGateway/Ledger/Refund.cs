namespace PaymentGateway.Ledger;

/// <summary>The return of a charge's amount. Public members are its line in the journal.</summary>
internal sealed class Refund
{
    private volatile bool recorded;

    public required string Id { get; init; }

    public required string ChargeId { get; init; }

    public required Guid OrderId { get; init; }

    public required string Key { get; init; }

    public required decimal Amount { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>False while the first request with its key is on the way to the journal.</summary>
    internal bool IsRecorded => recorded;

    internal void MarkRecorded() => recorded = true;
}
