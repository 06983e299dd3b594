using EventShop.Messaging;
using Npgsql;

namespace Shipping;

/// <summary>The parcel's row, the inbox's row and the event are one ordinary transaction: all of them or none.</summary>
public sealed class SendParcel(NpgsqlDataSource db, Inbox inbox, Outbox outbox, TimeProvider clock) : IHandle<OrderPaid>
{
    public async Task HandleAsync(OrderPaid message, MessageContext context, CancellationToken cancellationToken)
    {
        await using var connection = await db.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // Delivered again, it has been sent: then the inbox notes that it was seen once more.
        if (await inbox.TryRecordAsync(transaction, context, cancellationToken))
        {
            await using var insert = new NpgsqlCommand("insert into parcels (order_id) values ($1)", connection, transaction)
            {
                Parameters = { new() { Value = message.OrderId } },
            };
            await insert.ExecuteNonQueryAsync(cancellationToken);
            await outbox.AppendAsync(
                transaction, cancellationToken, OutboxEvent.Of(new ParcelSent(message.OrderId, "bicycle"), message.OrderId, clock.GetUtcNow()));
        }
        await transaction.CommitAsync(cancellationToken);
    }
}
