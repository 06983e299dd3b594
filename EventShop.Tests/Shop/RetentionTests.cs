using Npgsql;

namespace EventShop.Tests.Shop;

/// <summary>How long the services keep what they keep.</summary>
public sealed class RetentionTests(SharedPostgres postgres)
{
    private const int Many = 400_000;

    /// <summary>Far less than all of them take, and more than a batch does on a busy machine.</summary>
    private const string TimeLimit = "statement_timeout=1s";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Messaging__Inbox__Retention", "7.00:00:00", "Messaging:Inbox:Retention is '7.00:00:00': must be at least the 30.00:00:00 for which stream DEAD_LETTERS_ORDER_SERVICE")]
    [InlineData("Messaging__Outbox__Retention", "1.00:00:00", "Messaging:Outbox:Retention is '1.00:00:00': must be at least the 7.00:00:00 for which stream ORDERS")]
    [InlineData("Messaging__Outbox__MaxParkedRetryDelay", "00:00:10", "Messaging:Outbox:MaxParkedRetryDelay is '00:00:10': must be at least ParkedRetryDelay")]
    public async Task Settings_that_contradict_each_other_are_refused_at_the_start_in_one_line(string key, string value, string message)
    {
        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/OrderService", new Dictionary<string, string?> { [key] = value });

        Assert.Equal(1, exitCode);
        Assert.StartsWith($"OrderService cannot start: {message}", errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task More_expired_idempotency_keys_than_one_statement_could_remove_in_its_time_are_pruned()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase("orders");
        var environment = new Dictionary<string, string?>
        {
            ["ConnectionStrings__nats"] = nats.Url,
            ["ConnectionStrings__orders"] = database,
            ["Idempotency__PruneInterval"] = "00:00:01",
        };
        await using (await ServiceProcess.Start("services/OrderService", environment))
            await ExecuteAsync(database, "select 1");
        await ExecuteAsync(database, $$"""
            insert into idempotency_keys (key, fingerprint, order_id, answer, expires_at)
            select 'key-' || n, decode(repeat('00', 32), 'hex'), gen_random_uuid(), '{"id":1}', now() - interval '1 day' from generate_series(1, {{Many}}) n;
            insert into idempotency_keys (key, fingerprint, order_id, answer, expires_at) values ('fresh', '', gen_random_uuid(), '{}', now() + interval '1 day')
            """);

        environment["ConnectionStrings__orders"] = TimeLimited(database);
        await using var service = await ServiceProcess.Start("services/OrderService", environment);

        await Eventually.True("only the fresh one is left", async () => await CountAsync(database, "idempotency_keys") == 1, TimeSpan.FromSeconds(120));
    }

    private static string TimeLimited(string database) => new NpgsqlConnectionStringBuilder(database) { Options = $"-c {TimeLimit}" }.ToString();

    private static async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private static async Task<long> CountAsync(string database, string from)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand($"select count(*) from {from}", connection);
        return (long)(await command.ExecuteScalarAsync(Cancelled))!;
    }
}
