using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Remembers which events a consumer has applied, for handlers whose effect has no state of its own to guard it.
/// </summary>
public static class Inbox
{
    /// <summary>Records the event in the transaction of its effect.</summary>
    /// <returns>False when it has been applied before: leave the effect out.</returns>
    public static async Task<bool> TryRecordAsync(
        NpgsqlTransaction transaction, string consumer, Guid eventId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "insert into inbox (consumer, event_id) values (@consumer, @event_id) on conflict do nothing",
            transaction.Connection, transaction);
        command.AddValue("consumer", consumer).AddValue("event_id", eventId);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
