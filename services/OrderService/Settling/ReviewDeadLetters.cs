using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.Postgres;
using Npgsql;

namespace OrderService;

/// <summary>
/// An outcome that could not be applied no longer matters when another way has led to the same: the payment service tells its outcomes again to
/// those who ask. An outcome that contradicts the order matters for good.
/// </summary>
public sealed class ReviewDeadLetters(NpgsqlDataSource db) : IDeadLetterReview
{
    private static readonly string[] Outcomes = [PaymentSucceeded.Type, PaymentFailed.Type, PaymentRefunded.Type];

    public async Task<IReadOnlyCollection<(DeadLetter Letter, string Reason)>> FindObsoleteAsync(
        IReadOnlyList<DeadLetter> letters, CancellationToken cancellationToken)
    {
        var ofOrders = letters.Where(letter => Guid.TryParse(letter.Key, out _)).ToArray();
        // A cancelled order is settled once the payment service has answered what became of the money.
        await using var command = db.CreateCommand("""
            select id, status from orders
            where id = any(@id) and (status in ('Paid', 'Declined') or (status = 'Cancelled' and cancellation_id is null))
            """).AddColumn("id", ofOrders, letter => Guid.Parse(letter.Key!));
        var settled = new Dictionary<Guid, OrderStatus>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            settled.Add(reader.GetGuid(0), Enum.Parse<OrderStatus>(reader.GetString(1)));
        return [.. from letter in ofOrders
                   where settled.TryGetValue(Guid.Parse(letter.Key!), out var status) && Agrees(letter.Type, status)
                   select (letter, $"order {letter.Key} is {settled[Guid.Parse(letter.Key!)]}")];
    }

    private static bool Agrees(string? outcome, OrderStatus status) =>
        (outcome == PaymentSucceeded.Type && status is OrderStatus.Paid)
        || (outcome == PaymentFailed.Type && status is OrderStatus.Declined)
        || (outcome is not null && Outcomes.Contains(outcome) && status is OrderStatus.Cancelled);
}
