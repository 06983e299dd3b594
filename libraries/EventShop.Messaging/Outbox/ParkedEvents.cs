using System.Text;
using EventShop.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>An event that the broker refuses, as an operator sees it.</summary>
/// <param name="Id">Its identity.</param>
/// <param name="Type">Its CloudEvents type.</param>
/// <param name="Subject">The subject it is published on.</param>
/// <param name="Key">The aggregate it is about.</param>
/// <param name="Time">When it happened.</param>
/// <param name="Reason">Why it was last refused.</param>
/// <param name="ParkedAt">Since when it is parked.</param>
/// <param name="Attempts">How often it was sent.</param>
/// <param name="NextAttemptAt">When it is sent again by itself; null when it was discarded.</param>
/// <param name="DiscardedAt">When an operator discarded it; null when none did.</param>
/// <param name="DiscardReason">Why, if the operator said so.</param>
public sealed record ParkedEvent(
    Guid Id, string Type, string Subject, string Key, DateTimeOffset Time, string? Reason, DateTimeOffset ParkedAt, int Attempts,
    DateTimeOffset? NextAttemptAt, DateTimeOffset? DiscardedAt, string? DiscardReason);

/// <summary>Events that the broker refuses: to be looked at, sent again or discarded.</summary>
public sealed class ParkedEvents
{
    private readonly NpgsqlDataSource _db;
    private readonly MessagingOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger<ParkedEvents> _log;

    internal ParkedEvents(NpgsqlDataSource db, MessagingOptions options, TimeProvider clock, ILogger<ParkedEvents> log) =>
        (_db, _options, _clock, _log) = (db, options, clock, log);

    private string Parked => $"""
        select o.id, o.type, o.subject, o.key, o.time, u.error, u.parked_at, u.attempts, u.due_at, null::timestamptz, null::text
        from {_options.Tables}outbox_unsent u join {_options.Tables}outbox o using (id) where u.parked_at is not null
        """;

    private string Discarded => $"""
        select id, type, subject, key, time, error, parked_at, attempts, null::timestamptz, discarded_at, reason from {_options.Tables}outbox_discarded
        """;

    /// <summary>Lists what is parked, or what was discarded, in the order of their ids, beginning after one.</summary>
    public async Task<IReadOnlyList<ParkedEvent>> ListAsync(bool discarded, Guid after, int limit, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand(
            $"select * from ({(discarded ? Discarded : Parked)}) e where id > @after order by id limit @limit")
            .AddValue("after", after).AddValue("limit", limit);
        var events = new List<ParkedEvent>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            events.Add(Read(reader));
        return events;
    }

    /// <returns>The event with its headers and its masked body, which are gone when it was discarded long ago; null when there is none.</returns>
    public async Task<ParkedEventDetails?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            select e.*, o.payload, o.trace_parent, o.trace_state, o.baggage
            from ({Parked} union all {Discarded}) e left join {_options.Tables}outbox o using (id) where id = @id
            """).AddValue("id", id);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
            return null;
        var parked = Read(reader);
        if (await reader.IsDBNullAsync(11, cancellationToken))
            return new(parked, null, null, null);
        var e = new OutboxEvent(
            parked.Id, parked.Key, parked.Type, parked.Subject, parked.Time, reader.GetFieldValue<byte[]>(11), Text(12), Text(13), Text(14));
        return new(
            parked, CloudEvent.Headers(e, _options.Source, e.TraceParent).ToDictionary(header => header.Key, header => Shortened(header.Value.ToString())),
            Masked.Json(e.Payload), e.Payload.Length);

        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
    }

    /// <summary>Has a parked event sent now. Refused again, it stays parked.</summary>
    /// <returns>False when it is not parked.</returns>
    public async Task<bool> ResendAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand(
            $"update {_options.Tables}outbox_unsent set due_at = now() where id = @id and parked_at is not null; notify {OutboxRelay.Notification}").AddValue("id", id);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>Has all parked events sent now.</summary>
    /// <returns>How many there are.</returns>
    public async Task<int> ResendAllAsync(CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand(
            $"update {_options.Tables}outbox_unsent set due_at = now() where parked_at is not null; notify {OutboxRelay.Notification}");
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Gives a parked event up for good. What is known of it is kept.</summary>
    /// <returns>False when it is not parked.</returns>
    public async Task<bool> DiscardAsync(Guid id, string? reason, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            with given_up as (
              delete from {_options.Tables}outbox_unsent where id = @id and parked_at is not null returning id, attempts, error, parked_at
            )
            insert into {_options.Tables}outbox_discarded (id, key, type, subject, time, attempts, error, parked_at, discarded_at, reason)
            select o.id, o.key, o.type, o.subject, o.time, g.attempts, g.error, g.parked_at, @now, @reason from given_up g join {_options.Tables}outbox o using (id)
            returning parked_at
            """).AddValue("id", id).AddValue("now", _clock.GetUtcNow().UtcDateTime).AddValue("reason", reason!);
        if (await command.ExecuteScalarAsync(cancellationToken) is not DateTime parkedAt)
            return false;
        _log.EventDiscarded(id, parkedAt, reason);
        return true;
    }

    /// <summary>A header that is refused for its size is none to be shown in full.</summary>
    private static string Shortened(string value)
    {
        const int shown = 256;
        return value.Length <= shown ? value : $"{value.AsSpan(0, shown)}… ({Encoding.UTF8.GetByteCount(value)} bytes)";
    }

    private static ParkedEvent Read(NpgsqlDataReader row)
    {
        return new(
            row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetFieldValue<DateTimeOffset>(4), Text(5),
            row.GetFieldValue<DateTimeOffset>(6), row.GetInt32(7), Time(8), Time(9), Text(10));

        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
        DateTimeOffset? Time(int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
    }
}

/// <summary>A parked event with what it holds.</summary>
/// <param name="Event">What is known of it.</param>
/// <param name="Headers">As they are published, long values shortened; null when the event is no longer kept.</param>
/// <param name="Body">Its JSON with texts masked, ids and times excepted; null when the event is no longer kept, or not JSON.</param>
/// <param name="Bytes">The body's length.</param>
public sealed record ParkedEventDetails(ParkedEvent Event, Dictionary<string, string>? Headers, string? Body, int? Bytes);
