using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventShop.Hosting;
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

/// <summary>Configuration section <c>Idempotency</c>.</summary>
public sealed class IdempotencyOptions
{
    /// <summary>How long a key is remembered. After that it makes a new order.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "30.00:00:00")]
    public TimeSpan Expiry { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How often expired keys are removed.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan PruneInterval { get; set; } = TimeSpan.FromMinutes(10);
}

/// <summary>A key as a client sent it, with the request it stands for. One key makes one order.</summary>
/// <remarks>
/// While the first request with a key is being committed, those that repeat it wait for that commit, a matter of milliseconds, and
/// get its answer: in this process because a group takes a key once, in another because PostgreSQL makes the second insert wait.
/// </remarks>
public sealed partial record IdempotencyKey(string Key, byte[] Fingerprint)
{
    public const string Header = "Idempotency-Key";
    public const string ReplayedHeader = "Idempotent-Replayed";

    /// <summary>Which writes of a group may not be together: those with the same key.</summary>
    internal Guid Group { get; } = new(SHA256.HashData(Encoding.UTF8.GetBytes(Key)).AsSpan(0, 16));

    public static bool IsValid(string key) => Syntax().IsMatch(key);

    /// <summary>The request's meaning is compared, not its spelling: spaces and the order of members do not matter.</summary>
    public static IdempotencyKey Of(string key, PlaceOrder.Request request) =>
        new(key, SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(request, OrderJson.Default.Request)));

    [GeneratedRegex(@"^[\x21-\x7E]{1,255}\z")]
    private static partial Regex Syntax();
}

/// <summary>Removes keys whose time is over.</summary>
public sealed class IdempotencyKeyPruning(
    NpgsqlDataSource db, IdempotencyOptions options, Supervisor supervisor, TimeProvider clock, ILogger<IdempotencyKeyPruning> log)
    : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        supervisor.EveryAsync("pruning of idempotency keys", options.PruneInterval, PruneAsync, log, stoppingToken);

    /// <summary>An expired key is also replaced when it is used: nothing depends on this but the table's size.</summary>
    private async Task PruneAsync(CancellationToken cancellationToken)
    {
        await Pruning.RunAsync(
            db,
            """
            delete from idempotency_keys where key = any(array(
              select key from idempotency_keys where expires_at <= @now order by expires_at limit @batch for update skip locked))
            """,
            command => command.AddValue("now", clock.GetUtcNow().UtcDateTime), clock, cancellationToken);
    }
}

internal static class IdempotencyExtensions
{
    public static void AddIdempotencyKeys(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(builder.Configuration.GetValidated<IdempotencyOptions>("Idempotency"));
        builder.Services.AddHostedService<IdempotencyKeyPruning>();
    }
}
