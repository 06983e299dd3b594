using System.Collections.Concurrent;

namespace PaymentGateway.Charges;

/// <summary>Counts the failures of <c>tok_flaky</c> per order, so that any key for the order gets through in the end.</summary>
internal sealed class FlakyCards
{
    private const int FailuresPerOrder = 2;

    private readonly ConcurrentDictionary<Guid, int> failures = new();

    public bool Fails(Guid orderId)
    {
        if (failures.AddOrUpdate(orderId, 1, (_, count) => count + 1) <= FailuresPerOrder)
        {
            return true;
        }

        failures.TryRemove(orderId, out _);
        return false;
    }
}
