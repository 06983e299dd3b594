using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.Postgres;
using Npgsql;

namespace PaymentService;

/// <summary>
/// An order's event that could not be handled no longer matters when the order service has told it again and its payment is settled: orders that
/// wait are announced until they have an answer.
/// </summary>
public sealed class ReviewDeadLetters(NpgsqlDataSource db) : IDeadLetterReview
{
    private static readonly string[] Types = [OrderCreated.Type, OrderCancelled.Type, OrderCancellationRequested.Type];

    public async Task<IReadOnlyCollection<(DeadLetter Letter, string Reason)>> FindObsoleteAsync(
        IReadOnlyList<DeadLetter> letters, CancellationToken cancellationToken)
    {
        var ofOrders = letters.Where(letter => Types.Contains(letter.Type) && Guid.TryParse(letter.Key, out _)).ToArray();
        await using var command = db.CreateCommand("""
            select order_id, state, cancelled_at is not null from payments
            where order_id = any(@id) and state in ('Captured', 'Declined', 'Cancelled', 'Refunded')
            """).AddColumn("id", ofOrders, letter => Guid.Parse(letter.Key!));
        var settled = new Dictionary<Guid, (PaymentState State, bool IsCancelled)>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            settled.Add(reader.GetGuid(0), (Enum.Parse<PaymentState>(reader.GetString(1)), reader.GetBoolean(2)));
        return [.. from letter in ofOrders
                   where settled.TryGetValue(Guid.Parse(letter.Key!), out var payment) && IsDone(letter.Type, payment.State, payment.IsCancelled)
                   select (letter, $"the payment of order {letter.Key} is {settled[Guid.Parse(letter.Key!)].State}")];
    }

    /// <summary>A cancellation is done when it is known and no money is kept.</summary>
    private static bool IsDone(string? type, PaymentState state, bool isCancelled) =>
        type == OrderCreated.Type || (isCancelled && state is not PaymentState.Captured);
}
