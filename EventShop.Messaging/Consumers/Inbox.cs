using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Remembers which events a consumer has applied, for handlers whose effect has no state of its own to guard it.
/// </summary>
public static class Inbox
{
    /// <summary>
    /// Records the event in the transaction of its effect. It is remembered from the last time on that it was seen, for as long as its stream or a
    /// dead letter could bring it back: <see cref="InboxOptions.Retention"/>.
    /// </summary>
    /// <returns>False when it has been applied before: leave the effect out.</returns>
    public static async Task<bool> TryRecordAsync(
        NpgsqlTransaction transaction, string consumer, Guid eventId, CancellationToken cancellationToken)
    {
        // Only a row that was there before has been locked, by this statement's update: xmax tells the two apart.
        await using var command = new NpgsqlCommand("""
            insert into inbox (consumer, event_id) values (@consumer, @event_id)
            on conflict (consumer, event_id) do update set applied_at = now()
            returning xmax = 0
            """, transaction.Connection, transaction);
        command.AddValue("consumer", consumer).AddValue("event_id", eventId);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }
}
