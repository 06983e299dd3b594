using EventShop.Postgres;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Counts attempts at messages, in the service's own database. The broker counts deliveries, also those that no attempt came of (the service
/// stopped, or what the handler needs was away), and would give up messages that nothing is wrong with.
/// </summary>
/// <remarks>
/// A message that succeeds when it is first delivered costs nothing here. One that is delivered again is noted before it is attempted: whose
/// handler ends the process could be known by nothing else.
/// </remarks>
internal sealed class Attempts(NpgsqlDataSource db, string tables, string consumer)
{
    private const string Key = "consumer = @consumer and stream = @stream and sequence = @sequence and stored_at = @stored_at";

    /// <summary>Before an attempt: learns of those before it, and notes this one where the message has been delivered before.</summary>
    public async Task BeginAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        if (delivery.Deliveries == 1 || delivery.Begun > 0)
            return;
        await using var command = Command($"""
            insert into {tables}attempts as a (consumer, stream, sequence, stored_at, begun) values (@consumer, @stream, @sequence, @stored_at, 1)
            on conflict (consumer, stream, sequence, stored_at) do update set begun = a.begun + 1, at = now()
            returning failed, begun
            """, delivery);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        (delivery.Failed, delivery.Begun, delivery.IsCounted) = (reader.GetInt32(0), reader.GetInt32(1), true);
    }

    /// <summary>It failed, through a fault of its own.</summary>
    public async Task FailAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        await using var command = Command($"""
            insert into {tables}attempts as a (consumer, stream, sequence, stored_at, failed) values (@consumer, @stream, @sequence, @stored_at, 1)
            on conflict (consumer, stream, sequence, stored_at) do update set failed = a.failed + 1, begun = 0, at = now()
            """, delivery);
        await command.ExecuteNonQueryAsync(cancellationToken);
        (delivery.Failed, delivery.Begun, delivery.IsCounted) = (delivery.Failed + 1, 0, true);
    }

    /// <summary>It ended without a result, and the process lives: it is no attempt.</summary>
    public async Task EndAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        if (delivery.Begun == 0)
            return;
        // Nothing is left of it where none failed: another delivery of it may be the one that is settled, and nobody comes back for this one.
        await using var command = Command($"""
            with failed as (update {tables}attempts set begun = 0 where {Key} and failed > 0)
            delete from {tables}attempts where {Key} and failed = 0
            """, delivery);
        await command.ExecuteNonQueryAsync(cancellationToken);
        delivery.Begun = 0;
    }

    /// <summary>It is settled.</summary>
    public async Task ForgetAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        if (!delivery.IsCounted)
            return;
        await using var command = Command($"delete from {tables}attempts where {Key}", delivery);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private NpgsqlCommand Command(string sql, Delivery delivery) => db.CreateCommand(sql)
        .AddValue("consumer", consumer).AddValue("stream", delivery.Metadata.Stream)
        .AddValue("sequence", (long)delivery.Sequence).AddValue("stored_at", delivery.Metadata.Timestamp.UtcDateTime);
}
