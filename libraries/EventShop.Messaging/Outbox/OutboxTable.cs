using EventShop.Postgres;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>The relay's statements on <c>outbox</c> and <c>outbox_unsent</c>.</summary>
/// <remarks>
/// None of them needs its commit on disk: one that is lost makes an event be sent again, which the broker and the consumers
/// recognise. So they run with <c>synchronous_commit = off</c> and leave the disk to the commits that carry orders.
/// </remarks>
internal sealed class OutboxTable(DatabaseSessions sessions, OutboxOptions options, MessagingOptions messaging)
{
    private readonly string _outbox = $"{messaging.Tables}outbox";
    private readonly string _unsent = $"{messaging.Tables}outbox_unsent";

    /// <summary>Takes events that are due, parked ones too, oldest first, away from every other process for a claim's length.</summary>
    public async Task<IReadOnlyList<ClaimedEvent>> ClaimDueAsync(CancellationToken cancellationToken)
    {
        await using var batch = sessions.CreateQueueBatch($"""
            with due as (
              select id from {_unsent} where due_at <= now()
              order by due_at limit @limit for update skip locked
            ), claimed as (
              update {_unsent} u
              set attempts = attempts + 1, due_at = now() + least(@claim * power(2, least(attempts, 16)), @max_claim)
              from due where u.id = due.id returning u.id, u.attempts, u.parked_at
            )
            select o.id, o.key, o.type, o.subject, o.time, o.payload, o.trace_parent, o.trace_state, o.baggage, claimed.attempts, claimed.parked_at
            from claimed join {_outbox} o using (id) order by o.stored_at, o.id
            """, out var statement);
        statement.AddValue("limit", options.SweepBatch).AddValue("claim", options.Claim).AddValue("max_claim", options.MaxClaim);
        var events = new List<ClaimedEvent>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var e = new OutboxEvent(reader.GetGuid(0), reader.GetString(1), reader.GetString(2), reader.GetString(3),
                reader.GetFieldValue<DateTimeOffset>(4), reader.GetFieldValue<byte[]>(5),
                Text(reader, 6), Text(reader, 7), Text(reader, 8));
            events.Add(new(e, Attempt: reader.GetInt32(9), reader.IsDBNull(10) ? null : reader.GetFieldValue<DateTimeOffset>(10)));
        }
        return events;
    }

    public async Task MarkSentAsync(IReadOnlyList<Guid> ids, CancellationToken cancellationToken)
    {
        await using var batch = sessions.CreateQueueBatch($"delete from {_unsent} where id = any(@id)", out var statement);
        statement.AddColumn("id", ids, id => id);
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Sets an event aside that the broker refuses. It is sent again as its time comes: each pause is as long as the event has been parked,
    /// so pauses double.
    /// </summary>
    public async Task ParkAsync(Guid id, string error, CancellationToken cancellationToken)
    {
        await using var batch = sessions.CreateQueueBatch($"""
            update {_unsent}
            set parked_at = coalesce(parked_at, now()), error = @error, attempts = greatest(attempts, 1),
                due_at = now() + least(greatest(now() - coalesce(parked_at, now()), @delay), @max_delay)
            where id = @id
            """, out var statement);
        statement.AddValue("id", id).AddValue("error", error)
            .AddValue("delay", options.ParkedRetryDelay).AddValue("max_delay", options.MaxParkedRetryDelay);
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Drops sent events older than the retention.</summary>
    public Task<long> PruneAsync(DateTimeOffset now, TimeProvider clock, CancellationToken cancellationToken)
    {
        // Each batch begins after the one before: what that one left, because it is unsent, is not read again.
        var (after, afterId) = (DateTime.UnixEpoch, Guid.Empty);
        return Pruning.RunAsync(PruneBatchAsync, clock, cancellationToken);

        async Task<PrunedBatch> PruneBatchAsync(int batchSize, CancellationToken token)
        {
            await using var batch = sessions.CreateQueueBatch($"""
                with old as materialized (
                  select id, stored_at from {_outbox} where (stored_at, id) > (@after, @after_id) and stored_at < @oldest_kept
                  order by stored_at, id limit @batch
                ), removed as (
                  delete from {_outbox} o using old
                  where o.id = old.id and not exists (select 1 from {_unsent} u where u.id = o.id) returning 1
                ), last as (
                  select stored_at, id from old order by stored_at desc, id desc limit 1
                )
                select (select stored_at from last), (select id from last), (select count(*) from old), (select count(*) from removed)
                """, out var statement);
            statement.AddValue("after", after).AddValue("after_id", afterId)
                .AddValue("oldest_kept", (now - options.Retention).UtcDateTime).AddValue("batch", batchSize);
            await using var reader = await batch.ExecuteReaderAsync(token);
            await reader.NextResultAsync(token);
            await reader.ReadAsync(token);
            if (!await reader.IsDBNullAsync(0, token))
                (after, afterId) = (reader.GetDateTime(0), reader.GetGuid(1));
            return new((int)reader.GetInt64(2), (int)reader.GetInt64(3));
        }
    }

    public async Task<OutboxBacklog> BacklogAsync(CancellationToken cancellationToken)
    {
        await using var batch = sessions.CreateQueueBatch($"""
            select owed.*, oldest.parked_at, oldest.error
            from (
              select min(since) filter (where parked_at is null and since <= now()), count(*) filter (where parked_at is null and since <= now()),
                     count(*) filter (where parked_at is null and since > now()), count(*) filter (where parked_at is not null)
              from {_unsent}
            ) owed
            left join (
              select parked_at, error from {_unsent} where parked_at is not null order by parked_at limit 1
            ) oldest on true
            """, out _);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new(Time(0), Unsent: reader.GetInt64(1), Scheduled: reader.GetInt64(2), Parked: reader.GetInt64(3), Time(4), Text(reader, 5));

        DateTimeOffset? Time(int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
    }

    /// <inheritdoc cref="DatabaseSessions.CanListen"/>
    public bool CanListen => sessions.CanListen;

    /// <summary>A connection of the relay's own, for notifications.</summary>
    public ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) => sessions.Background.OpenConnectionAsync(cancellationToken);

    private static string? Text(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
}

/// <param name="Attempt">1 at the sweep's first attempt.</param>
/// <param name="ParkedAt">Since when the broker has refused it; null when it has not.</param>
internal readonly record struct ClaimedEvent(OutboxEvent Event, int Attempt, DateTimeOffset? ParkedAt);

/// <param name="Oldest">Since when the oldest event is owed; null when none is.</param>
/// <param name="Unsent">Events owed to the broker.</param>
/// <param name="Scheduled">Events that are not due yet.</param>
/// <param name="Parked">Events it refuses.</param>
/// <param name="ParkedSince">When the first of those was parked.</param>
/// <param name="ParkedFor">Why that one is refused.</param>
internal sealed record OutboxBacklog(DateTimeOffset? Oldest, long Unsent, long Scheduled, long Parked, DateTimeOffset? ParkedSince, string? ParkedFor);
