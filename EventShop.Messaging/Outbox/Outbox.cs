using Npgsql;

namespace EventShop.Messaging;

/// <summary>Stores events in the transaction that changes the state they tell of, and hands them to the relay after its commit.</summary>
public sealed class Outbox
{
    private readonly OutboxRelay _relay;
    private readonly OutboxOptions _options;

    private readonly NpgsqlDataSource _db;

    internal Outbox(NpgsqlDataSource db, OutboxRelay relay, OutboxOptions options) => (_db, _relay, _options) = (db, relay, options);

    /// <summary>
    /// Continues a statement that begins <c>with moved as (… returning … as key)</c>: stores the events whose key is among those,
    /// and no others. So a transition applied twice changes nothing and tells of nothing.
    /// </summary>
    public const string AppendForMoved = """
        , stored as (
          insert into outbox (id, key, type, subject, time, payload, trace_parent, trace_state, baggage)
          select e.*
          from unnest(@event_id, @event_key, @event_type, @event_subject, @event_time, @event_payload,
                      @event_trace_parent, @event_trace_state, @event_baggage)
            as e (id, key, type, subject, time, payload, trace_parent, trace_state, baggage)
          where e.key in (select key from moved)
          returning id
        ), unsent as (
          insert into outbox_unsent (id, due_at) select id, now() + @event_claim from stored
        )
        select id from stored
        """;

    /// <summary>
    /// Runs a statement that ends in <see cref="AppendForMoved"/>, alone in its transaction, and publishes what it stored.
    /// </summary>
    /// <returns>The ids of the events that were stored: those whose aggregate the statement moved.</returns>
    /// <exception cref="NpgsqlException">The statement failed; nothing was stored, or it is not known.</exception>
    public async Task<IReadOnlySet<Guid>> ExecuteAsync(
        NpgsqlCommand command, IReadOnlyList<OutboxEvent> events, CancellationToken cancellationToken)
    {
        // While the broker is away nobody is about to send them: the first sweep that reaches it may, and waits for no claim to run out.
        var isClaimed = _relay.IsConnected;
        AddEvents(command, events, claim: isClaimed ? _options.Claim : TimeSpan.Zero);
        FailPoint.Hit("outbox.before-commit");
        var stored = new HashSet<Guid>(events.Count);
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
            while (await reader.ReadAsync(cancellationToken))
                stored.Add(reader.GetGuid(0));
        FailPoint.Hit("outbox.after-commit");

        if (isClaimed)
            foreach (var e in events)
                if (stored.Contains(e.Id))
                    _relay.Offer(e);
        return stored;
    }

    /// <summary>
    /// Stores events in a transaction of your own. They are published promptly after it commits, and never if it does not.
    /// </summary>
    public async Task AppendAsync(NpgsqlTransaction transaction, CancellationToken cancellationToken, params OutboxEvent[] events)
    {
        // Unclaimed, and with a notification that PostgreSQL delivers at the commit: the relay learns of it without being told.
        await using var command = new NpgsqlCommand(
            $"with moved as (select unnest(@event_key) as key){AppendForMoved}", transaction.Connection, transaction);
        AddEvents(command, events, claim: TimeSpan.Zero);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await using var notify = new NpgsqlCommand($"notify {OutboxRelay.Notification}", transaction.Connection, transaction);
        await notify.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Sends stored events once more, under their own ids. Leaves out those on their way, those no longer kept, and those that an operator
    /// has discarded.
    /// </summary>
    public async Task ResendAsync(IReadOnlyList<Guid> eventIds, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            insert into outbox_unsent (id, due_at) select id, now() from outbox where id = any(@id)
              and not exists (select 1 from outbox_discarded d where d.id = outbox.id)
            on conflict do nothing;
            notify {OutboxRelay.Notification}
            """).AddColumn("id", eventIds, id => id);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static void AddEvents(NpgsqlCommand command, IReadOnlyList<OutboxEvent> events, TimeSpan claim) => command
        .AddColumn("event_id", events, e => e.Id)
        .AddColumn("event_key", events, e => e.Key)
        .AddColumn("event_type", events, e => e.Type)
        .AddColumn("event_subject", events, e => e.Subject)
        .AddColumn("event_time", events, e => e.Time.UtcDateTime)
        .AddColumn("event_payload", events, e => e.Payload)
        .AddColumn("event_trace_parent", events, e => e.TraceParent)
        .AddColumn("event_trace_state", events, e => e.TraceState)
        .AddColumn("event_baggage", events, e => e.Baggage)
        .AddValue("event_claim", claim);
}
