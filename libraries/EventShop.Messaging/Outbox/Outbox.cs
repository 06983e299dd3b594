using EventShop.Hosting;
using EventShop.Postgres;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>Stores events in the transaction that changes the state they tell of, and hands them to the relay after its commit.</summary>
public sealed class Outbox
{
    private readonly NpgsqlDataSource _db;
    private readonly OutboxRelay _relay;
    private readonly OutboxOptions _options;
    private readonly string _tables;

    internal Outbox(NpgsqlDataSource db, OutboxRelay relay, OutboxOptions options, MessagingOptions messaging) =>
        (_db, _relay, _options, _tables, Schema) = (db, relay, options, messaging.Tables, messaging.Schema);

    /// <inheritdoc cref="MessagingOptions.Schema"/>
    internal string? Schema { get; }

    /// <inheritdoc cref="OutboxRelay.Wake"/>
    internal void Wake() => _relay.Wake();

    /// <summary>
    /// Runs a statement that changes state, alone in its transaction, together with the events that tell of it, and publishes those. An event is
    /// stored if its key is among those the statement returns, and not otherwise: a change applied twice changes nothing and tells of nothing.
    /// </summary>
    /// <param name="change">
    /// The statement with its parameters. It returns one column, the keys of what it changed: <c>update … returning id</c>. Parameters whose names
    /// begin with <c>outbox_</c> are the library's.
    /// </param>
    /// <param name="events">The events, each with the key of what it tells of.</param>
    /// <param name="cancellationToken">Ends the wait; then it is not known whether it was stored.</param>
    /// <param name="with">Common table expressions that the statement refers to: <c>claimed as (…)</c>.</param>
    /// <returns>The ids of the events that were stored.</returns>
    /// <exception cref="NpgsqlException">The statement failed; nothing was stored, or it is not known.</exception>
    public async Task<IReadOnlySet<Guid>> ApplyAsync(
        NpgsqlCommand change, IReadOnlyList<OutboxEvent> events, CancellationToken cancellationToken, string? with = null)
    {
        // While the broker is away nobody is about to send them: the first sweep that reaches it may, and waits for no claim to run out.
        var isClaimed = _relay.IsConnected;
        change.CommandText = $"with {(with is null ? "" : $"{with}, ")}outbox_changed (key) as ({change.CommandText}), {Store("e.key in (select key::text from outbox_changed)", events)}";
        AddEvents(change, events, claim: isClaimed ? _options.Claim : TimeSpan.Zero);
        ProcessStep.Reached("outbox.before-commit");
        var stored = new HashSet<Guid>(events.Count);
        await using (var reader = await change.ExecuteReaderAsync(cancellationToken))
            while (await reader.ReadAsync(cancellationToken))
                stored.Add(reader.GetGuid(0));
        ProcessStep.Reached("outbox.after-commit");

        if (isClaimed)
            foreach (var e in events)
                if (e.DueAt is null && stored.Contains(e.Id))
                    _relay.Offer(e);
        return stored;
    }

    /// <summary>
    /// Stores events in a transaction of your own. They are published promptly after it commits, and never if it does not.
    /// </summary>
    public async Task AppendAsync(NpgsqlTransaction transaction, CancellationToken cancellationToken, params OutboxEvent[] events)
    {
        // Unclaimed, and with a notification that PostgreSQL delivers at the commit: the relay learns of it without being told.
        await using var command = new NpgsqlCommand($"with {Store("true", events)}", transaction.Connection, transaction);
        AddEvents(command, events, claim: TimeSpan.Zero);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await using var notify = new NpgsqlCommand($"notify {OutboxRelay.Notification}", transaction.Connection, transaction);
        await notify.ExecuteNonQueryAsync(cancellationToken);
        ProcessStep.Reached("outbox.appended");
    }

    /// <summary>Takes back a scheduled event (<see cref="OutboxEvent.DueAt"/>).</summary>
    /// <returns>False when there is none of that id, or it is due: then it is sent, or has been.</returns>
    public async Task<bool> CancelAsync(Guid eventId, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand(Cancel).AddValue("id", eventId);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>Takes back a scheduled event in a transaction of your own.</summary>
    /// <inheritdoc cref="CancelAsync(Guid, CancellationToken)"/>
    public async Task<bool> CancelAsync(NpgsqlTransaction transaction, Guid eventId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Cancel, transaction.Connection, transaction).AddValue("id", eventId);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>
    /// Sends stored events once more, under their own ids. Leaves out those on their way, those no longer kept, and those that an operator
    /// has discarded.
    /// </summary>
    public async Task ResendAsync(IReadOnlyList<Guid> eventIds, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            insert into {_tables}outbox_unsent (id, due_at) select id, now() from {_tables}outbox o where id = any(@id)
              and not exists (select 1 from {_tables}outbox_discarded d where d.id = o.id)
            on conflict do nothing;
            notify {OutboxRelay.Notification}
            """).AddColumn("id", eventIds, id => id);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private string Cancel => $"""
        with cancelled as (delete from {_tables}outbox_unsent where id = @id and since > now() and attempts = 0 returning id)
        delete from {_tables}outbox o using cancelled where o.id = cancelled.id
        """;

    private string Insert => $"insert into {_tables}outbox_unsent (id, due_at) select id, now() + @outbox_claim from outbox_stored";

    private string InsertScheduled => $"""
        insert into {_tables}outbox_unsent (id, due_at, since)
          select id, coalesce(due_at, now() + @outbox_claim), coalesce(due_at, now())
          from outbox_stored join unnest(@outbox_id, @outbox_due) as d (id, due_at) using (id)
        """;

    private string Store(string condition, IReadOnlyList<OutboxEvent> events) => $"""
        outbox_stored as (
          insert into {_tables}outbox (id, key, type, subject, time, payload, trace_parent, trace_state, baggage, stored_at)
          select id, key, type, subject, time, payload, trace_parent, trace_state, baggage, coalesce(due_at, now())
          from unnest(@outbox_id, @outbox_key, @outbox_type, @outbox_subject, @outbox_time, @outbox_payload,
                      @outbox_trace_parent, @outbox_trace_state, @outbox_baggage, @outbox_due)
            as e (id, key, type, subject, time, payload, trace_parent, trace_state, baggage, due_at)
          where {condition}
          returning id
        ), outbox_due as (
          {(events.Any(e => e.DueAt is not null) ? InsertScheduled : Insert)}
        )
        select id from outbox_stored
        """;

    private static void AddEvents(NpgsqlCommand command, IReadOnlyList<OutboxEvent> events, TimeSpan claim) => command
        .AddColumn("outbox_id", events, e => e.Id)
        .AddColumn("outbox_key", events, e => e.Key)
        .AddColumn("outbox_type", events, e => e.Type)
        .AddColumn("outbox_subject", events, e => e.Subject)
        .AddColumn("outbox_time", events, e => e.Time.UtcDateTime)
        .AddColumn("outbox_payload", events, e => e.Payload)
        .AddColumn("outbox_trace_parent", events, e => e.TraceParent)
        .AddColumn("outbox_trace_state", events, e => e.TraceState)
        .AddColumn("outbox_baggage", events, e => e.Baggage)
        .AddColumn("outbox_due", events, e => e.DueAt?.ToUniversalTime())
        .AddValue("outbox_claim", claim);
}
