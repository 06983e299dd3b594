using System.Collections.Concurrent;

namespace PaymentGateway.Ledger;

/// <summary>
/// All charges and refunds: in memory for answers, in the journal for good. A key is claimed before anything is decided and
/// given up when nothing was, so that one key is never worked on twice at a time.
/// </summary>
internal sealed class LedgerBook(Journal journal)
{
    private readonly ConcurrentDictionary<string, Charge> chargesByKey = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Refund> refundsByKey = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly Dictionary<Guid, Charge> byOrder = [];
    private readonly List<Charge> all = [];

    /// <summary>The candidate itself, or what its key was used for before.</summary>
    public Charge Claim(Charge candidate) => chargesByKey.GetOrAdd(candidate.Key, candidate);

    /// <inheritdoc cref="Claim(Charge)" />
    public Refund Claim(Refund candidate) => refundsByKey.GetOrAdd(candidate.Key, candidate);

    public void Release(Charge charge) => chargesByKey.TryRemove(KeyValuePair.Create(charge.Key, charge));

    public void Release(Refund refund) => refundsByKey.TryRemove(KeyValuePair.Create(refund.Key, refund));

    /// <summary>Completes when the charge is in the journal; when it cannot be written its key is free again.</summary>
    public async Task Record(Charge charge)
    {
        try
        {
            await journal.Append(new JournalLine(charge, null));
        }
        catch
        {
            Release(charge);
            throw;
        }

        Index(charge);
    }

    /// <inheritdoc cref="Record(Charge)" />
    public async Task Record(Refund refund)
    {
        try
        {
            await journal.Append(new JournalLine(null, refund));
        }
        catch
        {
            Find(refund.OrderId, refund.ChargeId)?.ReturnRefund(refund);
            Release(refund);
            throw;
        }

        refund.MarkRecorded();
    }

    public Charge? Find(Guid orderId, string chargeId) => OfOrder(orderId).FirstOrDefault(charge => charge.Id == chargeId);

    /// <summary>An order's charges, oldest first.</summary>
    public IEnumerable<Charge> OfOrder(Guid orderId)
    {
        var charges = new List<Charge>(1);
        lock (gate)
        {
            for (var charge = byOrder.GetValueOrDefault(orderId); charge is not null; charge = charge.Next)
            {
                charges.Add(charge);
            }
        }

        return charges.OrderBy(charge => charge.At);
    }

    /// <summary>Every charge, in the order they were recorded.</summary>
    public IEnumerable<Charge> All()
    {
        lock (gate)
        {
            return all.ToArray();
        }
    }

    /// <summary>Takes over what the journal holds from before.</summary>
    public void Replay(JournalLine line)
    {
        if (line.Charge is { } charge)
        {
            chargesByKey[charge.Key] = charge;
            Index(charge);
        }

        if (line.Refund is { } refund)
        {
            refundsByKey[refund.Key] = refund;
            Find(refund.OrderId, refund.ChargeId)?.TakeRefund(refund);
            refund.MarkRecorded();
        }
    }

    private void Index(Charge charge)
    {
        lock (gate)
        {
            all.Add(charge);
            charge.Next = byOrder.GetValueOrDefault(charge.OrderId);
            byOrder[charge.OrderId] = charge;
        }

        charge.MarkRecorded();
    }
}
