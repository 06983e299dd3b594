using EventShop.Hosting;
using EventShop.Postgres;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Remembers which events a consumer has applied, for handlers whose effect has no state of its own to guard it.
/// </summary>
public sealed class Inbox
{
    private readonly string _record;

    // Only a row that was there before has been locked, by this statement's update: xmax tells the two apart.
    internal Inbox(MessagingOptions options) => _record = $"""
        insert into {options.Tables}inbox (consumer, event_id) values (@consumer, @event_id)
        on conflict (consumer, event_id) do update set applied_at = now()
        returning xmax = 0
        """;

    /// <summary>
    /// Records the event in the transaction of its effect. It is remembered from the last time on that it was seen, for as long as its stream or a
    /// dead letter could bring it back: <see cref="InboxOptions.Retention"/>.
    /// </summary>
    /// <param name="transaction">The transaction of the effect.</param>
    /// <param name="context">The event, as its handler got it.</param>
    /// <param name="cancellationToken">The handler's.</param>
    /// <returns>False when this consumer has applied it before: leave the effect out, and commit all the same, so that it is remembered for longer.</returns>
    public async Task<bool> TryRecordAsync(NpgsqlTransaction transaction, MessageContext context, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_record, transaction.Connection, transaction);
        command.AddValue("consumer", context.Consumer).AddValue("event_id", context.EventId);
        var isNew = await command.ExecuteScalarAsync(cancellationToken) is true;
        ProcessStep.Reached("inbox.recorded");
        return isNew;
    }
}
