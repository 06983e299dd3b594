using Npgsql;

namespace EventShop.Messaging;

/// <summary>The relay's statements on <c>outbox</c> and <c>outbox_unsent</c>.</summary>
/// <remarks>
/// None of them needs its commit on disk: one that is lost makes an event be sent again, which the broker and the consumers
/// recognise. So they run with <c>synchronous_commit = off</c> and leave the disk to the commits that carry orders.
/// </remarks>
internal sealed class OutboxTable(DatabasePools pools, OutboxOptions options)
{
    private readonly NpgsqlDataSource _db = pools.Relay;

    /// <summary>Takes events that are due, parked ones too, oldest first, away from every other process for a claim's length.</summary>
    public async Task<IReadOnlyList<ClaimedEvent>> ClaimDueAsync(CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("""
            with due as (
              select id from outbox_unsent where due_at <= now()
              order by due_at limit @limit for update skip locked
            ), claimed as (
              update outbox_unsent u
              set attempts = attempts + 1, due_at = now() + least(@claim * power(2, least(attempts, 16)), @max_claim)
              from due where u.id = due.id returning u.id, u.attempts, u.parked_at
            )
            select o.id, o.key, o.type, o.subject, o.time, o.payload, o.trace_parent, o.trace_state, o.baggage, claimed.attempts, claimed.parked_at
            from claimed join outbox o using (id) order by o.id
            """)
            .AddValue("limit", options.SweepBatch)
            .AddValue("claim", options.Claim)
            .AddValue("max_claim", options.MaxClaim);
        var events = new List<ClaimedEvent>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var e = new OutboxEvent(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3),
                reader.GetFieldValue<DateTimeOffset>(4), reader.GetFieldValue<byte[]>(5),
                Text(reader, 6), Text(reader, 7), Text(reader, 8));
            events.Add(new(e, Attempt: reader.GetInt32(9), reader.IsDBNull(10) ? null : reader.GetFieldValue<DateTimeOffset>(10)));
        }
        return events;
    }

    public async Task MarkSentAsync(IReadOnlyList<Guid> ids, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("delete from outbox_unsent where id = any(@id)").AddColumn("id", ids, id => id);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Sets an event aside that the broker refuses. It is sent again as its time comes: each pause is as long as the event has been parked,
    /// so pauses double.
    /// </summary>
    public async Task ParkAsync(Guid id, string error, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("""
            update outbox_unsent
            set parked_at = coalesce(parked_at, now()), error = @error, attempts = greatest(attempts, 1),
                due_at = now() + least(greatest(now() - coalesce(parked_at, now()), @delay), @max_delay)
            where id = @id
            """)
            .AddValue("id", id).AddValue("error", error)
            .AddValue("delay", options.ParkedRetryDelay).AddValue("max_delay", options.MaxParkedRetryDelay);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Drops sent events older than the retention, which their version 7 ids tell.</summary>
    public Task<long> PruneAsync(DateTimeOffset now, TimeProvider clock, CancellationToken cancellationToken)
    {
        // Each batch begins after the one before: what that one left, because it is unsent, is not read again.
        var after = Guid.Empty;
        return Pruning.RunAsync(PruneBatchAsync, clock, cancellationToken);

        async Task<PrunedBatch> PruneBatchAsync(int batch, CancellationToken token)
        {
            await using var command = _db.CreateCommand("""
                with old as materialized (
                  select id from outbox where id > @after and id < @oldest_kept order by id limit @batch
                ), removed as (
                  delete from outbox o using old
                  where o.id = old.id and not exists (select 1 from outbox_unsent u where u.id = o.id) returning 1
                )
                select (select id from old order by id desc limit 1), (select count(*) from old), (select count(*) from removed)
                """)
                .AddValue("after", after).AddValue("oldest_kept", UuidV7.FirstAt(now - options.Retention)).AddValue("batch", batch);
            await using var reader = await command.ExecuteReaderAsync(token);
            await reader.ReadAsync(token);
            if (!await reader.IsDBNullAsync(0, token))
                after = reader.GetGuid(0);
            return new((int)reader.GetInt64(1), (int)reader.GetInt64(2));
        }
    }

    public async Task<OutboxBacklog> BacklogAsync(CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("""
            select (select id from outbox_unsent where parked_at is null order by id limit 1),
                   (select count(*) from outbox_unsent where parked_at is null),
                   (select count(*) from outbox_unsent where parked_at is not null),
                   oldest.parked_at, oldest.error
            from (select) always
            left join (
              select parked_at, error from outbox_unsent where parked_at is not null order by parked_at limit 1
            ) oldest on true
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        DateTimeOffset? oldest = await reader.IsDBNullAsync(0, cancellationToken) ? null : UuidV7.TimeOf(reader.GetGuid(0));
        return new(oldest, reader.GetInt64(1), reader.GetInt64(2),
            reader.IsDBNull(3) ? null : reader.GetFieldValue<DateTimeOffset>(3), Text(reader, 4));
    }

    /// <inheritdoc cref="DatabasePools.CanListen"/>
    public bool CanListen => pools.CanListen;

    /// <summary>A connection of the relay's own, for notifications.</summary>
    public ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) => _db.OpenConnectionAsync(cancellationToken);

    private static string? Text(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
}

/// <param name="Attempt">1 at the sweep's first attempt.</param>
/// <param name="ParkedAt">Since when the broker has refused it; null when it has not.</param>
internal readonly record struct ClaimedEvent(OutboxEvent Event, int Attempt, DateTimeOffset? ParkedAt);

/// <param name="Oldest">When the oldest unsent event was raised; null when nothing is owed.</param>
/// <param name="Unsent">Events owed to the broker.</param>
/// <param name="Parked">Events it refuses.</param>
/// <param name="ParkedSince">When the first of those was parked.</param>
/// <param name="ParkedFor">Why that one is refused.</param>
internal sealed record OutboxBacklog(DateTimeOffset? Oldest, long Unsent, long Parked, DateTimeOffset? ParkedSince, string? ParkedFor);
