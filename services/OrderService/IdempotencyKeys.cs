using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using EventShop.Hosting;
using EventShop.Postgres;
using Npgsql;

namespace OrderService;

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
