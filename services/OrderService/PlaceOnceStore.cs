using System.Text.Json;
using EventShop.Messaging;
using EventShop.Postgres;
using Npgsql;

namespace OrderService;

/// <summary>Orders placed with a key. The key, its answer, the order and its event are one statement: all of them or none.</summary>
public sealed class PlaceOnceStore : IAsyncDisposable
{
    /// <summary>What became of a request with a key.</summary>
    /// <param name="Answer">The key's answer; null when the key was used for another request, or when it is not known now.</param>
    /// <param name="IsReplay">The key had been used before.</param>
    public sealed record Placed(PlaceOrder.Response? Answer, bool IsReplay);

    private sealed record Placing(IdempotencyKey Key, Order Order, OutboxEvent Created, PlaceOrder.Response Answer);

    private readonly NpgsqlDataSource _db;
    private readonly Outbox _outbox;
    private readonly IdempotencyOptions _options;
    private readonly OrderFacts _facts;
    private readonly TimeProvider _clock;
    private readonly GroupCommit<Placing, Placed> _placing;

    public PlaceOnceStore(NpgsqlDataSource db, Outbox outbox, IdempotencyOptions options, OrderFacts facts, TimeProvider clock)
    {
        (_db, _outbox, _options, _facts, _clock) = (db, outbox, options, facts, clock);
        _placing = new("orders.place_once", write => write.Key.Group, PlaceAllAsync);
    }

    /// <summary>Completes when the order is on disk, whichever request with this key put it there.</summary>
    public async Task<Placed> PlaceAsync(IdempotencyKey key, Order order, OutboxEvent created, PlaceOrder.Response answer)
    {
        var placed = await _placing.WriteAsync(new(key, order, created, answer));
        if (placed is { Answer: not null, IsReplay: false })
            _facts.Placed(order.Id);
        return placed;
    }

    public ValueTask DisposeAsync() => _placing.DisposeAsync();

    private async Task<IReadOnlyList<Placed>> PlaceAllAsync(IReadOnlyList<Placing> writes, CancellationToken cancellationToken)
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        // In the order of the keys, so that two replicas with the same ones wait for each other in one direction only.
        const string claimed = """
            claimed as (
              insert into idempotency_keys as k (key, fingerprint, order_id, answer, expires_at)
              select idempotency_key, fingerprint, id, answer::jsonb, @expires_at
              from unnest(@idempotency_key, @fingerprint, @id, @answer) as r (idempotency_key, fingerprint, id, answer)
              order by idempotency_key
              on conflict (key) do update
              set fingerprint = excluded.fingerprint, order_id = excluded.order_id, answer = excluded.answer, expires_at = excluded.expires_at
              where k.expires_at <= @now
              returning order_id
            )
            """;
        await using var command = _db.CreateCommand($"{OrderStore.InsertOrders} where id in (select order_id from claimed) returning id")
            .AddColumn("idempotency_key", writes, w => w.Key.Key)
            .AddColumn("fingerprint", writes, w => w.Key.Fingerprint)
            .AddColumn("answer", writes, w => JsonSerializer.Serialize(w.Answer, OrderJson.Default.Response))
            .AddValue("expires_at", now + _options.Expiry)
            .AddValue("now", now);
        OrderStore.AddOrders(command, writes, w => w.Order);
        var stored = await _outbox.ApplyAsync(command, [.. writes.Select(w => w.Created)], cancellationToken, with: claimed);

        var repeated = writes.Where(w => !stored.Contains(w.Created.Id)).ToArray();
        var known = repeated.Length == 0 ? [] : await ReadAsync(repeated, cancellationToken);
        return [.. writes.Select(w => stored.Contains(w.Created.Id) ? new Placed(w.Answer, IsReplay: false) : Replay(w, known))];
    }

    private static Placed Replay(Placing write, Dictionary<string, (byte[] Fingerprint, PlaceOrder.Response Answer)> known) =>
        known.TryGetValue(write.Key.Key, out var first)
            ? new(first.Fingerprint.AsSpan().SequenceEqual(write.Key.Fingerprint) ? first.Answer : null, IsReplay: true)
            // It expired and was removed in between: to be asked again.
            : new(Answer: null, IsReplay: false);

    private async Task<Dictionary<string, (byte[] Fingerprint, PlaceOrder.Response Answer)>> ReadAsync(
        Placing[] writes, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("select key, fingerprint, answer::text from idempotency_keys where key = any(@key)")
            .AddColumn("key", writes, w => w.Key.Key);
        var known = new Dictionary<string, (byte[], PlaceOrder.Response)>(StringComparer.Ordinal);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            known.Add(reader.GetString(0), (reader.GetFieldValue<byte[]>(1), JsonSerializer.Deserialize(reader.GetString(2), OrderJson.Default.Response)!));
        return known;
    }
}
