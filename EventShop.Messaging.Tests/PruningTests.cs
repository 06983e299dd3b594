using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>Old rows go a few at a time, and none that could be needed again.</summary>
public sealed class PruningTests(SharedPostgres postgres)
{
    private const int Many = 400_000;

    /// <summary>Far less than all of them take, and more than a batch does on a busy machine.</summary>
    private const string TimeLimit = "statement_timeout=1s";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task More_sent_events_than_one_statement_could_remove_in_its_time_are_pruned_and_unsent_ones_stay()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = await WithSchemaAsync(nats);
        await ExecuteAsync(database, $"""
            insert into outbox (id, key, type, subject, time, payload, stored_at)
            select lpad(to_hex(n), 32, '0')::uuid, gen_random_uuid(), 't', 'pings.sent', now(), decode(repeat('00', 200), 'hex'), now() - interval '30 days' from generate_series(1, {Many}) n;
            insert into outbox_unsent (id, due_at, parked_at)
            select lpad(to_hex(n * 1000), 32, '0')::uuid, now() + interval '1 hour', now() from generate_series(1, 20) n
            """);

        await using var service = await TestService.StartAsync(nats, TimeLimited(database), consumes: false);

        await Eventually.True("only the unsent ones are left", async () => await CountAsync(database, "outbox") == 20, TimeSpan.FromSeconds(120));
        Assert.Equal(20, await CountAsync(database, "outbox join outbox_unsent using (id)"));
    }

    [Fact]
    public async Task Pruning_that_is_stopped_has_kept_what_it_did_and_the_next_process_goes_on()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = await WithSchemaAsync(nats);
        await InsertIntoInboxAsync(database, Many, age: "90 days");

        await using (var service = await TestService.StartAsync(nats, database))
        {
            await Eventually.True("a part is removed", async () => await CountAsync(database, "inbox") < Many, TimeSpan.FromSeconds(60));
            await service.StopAsync();
        }

        Assert.InRange(await CountAsync(database, "inbox"), 1, Many - 1);
        await using var next = await TestService.StartAsync(nats, TimeLimited(database));
        await Eventually.True("all are removed", async () => await CountAsync(database, "inbox") == 0, TimeSpan.FromSeconds(120));
    }

    [Fact]
    public async Task An_applied_event_is_remembered_for_as_long_as_its_stream_and_a_dead_letter_together_could_bring_it_back()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = await WithSchemaAsync(nats);
        await InsertIntoInboxAsync(database, 10, age: "36 days");
        await InsertIntoInboxAsync(database, 10, age: "38 days");
        await InsertIntoInboxAsync(database, 10, age: "90 days");

        // The stream as defined keeps for 7 days, the dead letters for 30.
        await using (await TestService.StartAsync(nats, database))
            await Eventually.True("the older ones are gone", async () => await CountAsync(database, "inbox") == 10);

        await InsertIntoInboxAsync(database, 10, age: "38 days");
        await InsertIntoInboxAsync(database, 10, age: "61 days");
        await using (await TestService.StartAsync(nats, database, settings: [("Messaging:Inbox:Retention", "60.00:00:00")]))
            await Eventually.True("the oldest are gone", async () => await CountAsync(database, "inbox where applied_at < now() - interval '60 days'") == 0);
        Assert.Equal(20, await CountAsync(database, "inbox"));
    }

    [Fact]
    public async Task What_a_stream_really_keeps_counts_whoever_has_set_it()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = await WithSchemaAsync(nats);
        await using (var setUp = await TestService.StartAsync(nats, database))
        {
            await Eventually.True("the streams exist", async () => await setUp.StreamMessagesAsync(TestService.DeadLetters) == 0);
            var letters = await setUp.JetStream.GetStreamAsync(TestService.DeadLetters, cancellationToken: Cancelled);
            await setUp.StopAsync();
            await using var operators = new NATS.Client.Core.NatsConnection(new NATS.Client.Core.NatsOpts { Url = nats.Url });
            await new NATS.Client.JetStream.NatsJSContext(operators).UpdateStreamAsync(letters.Info.Config with { MaxAge = TimeSpan.FromDays(100) }, Cancelled);
        }
        await InsertIntoInboxAsync(database, 10, age: "90 days");
        await InsertIntoInboxAsync(database, 10, age: "108 days");

        // Left as it is by a service that may not change it.
        await using var service = await TestService.StartAsync(nats, database, settings: [("Messaging:Provision", "false")]);
        await Eventually.True("the oldest are gone", async () => await CountAsync(database, "inbox where applied_at < now() - interval '107 days'") == 0);
        Assert.Equal(10, await CountAsync(database, "inbox"));
    }

    [Fact]
    public async Task An_event_that_comes_again_is_remembered_anew()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());
        var id = Guid.NewGuid();

        Assert.True(await RecordAsync());
        await service.ScalarAsync<Guid>("update inbox set applied_at = now() - interval '20 days' returning event_id");
        Assert.False(await RecordAsync());

        Assert.Equal(1L, await service.ScalarAsync<long>("select count(*) from inbox where applied_at > now() - interval '1 hour'"));

        async Task<bool> RecordAsync()
        {
            await using var connection = await service.Db.OpenConnectionAsync(Cancelled);
            await using var transaction = await connection.BeginTransactionAsync(Cancelled);
            var isNew = await service.Inbox.TryRecordAsync(transaction, TestService.Context(id), Cancelled);
            Assert.False(await service.Inbox.TryRecordAsync(transaction, TestService.Context(id), Cancelled));
            await transaction.CommitAsync(Cancelled);
            return isNew;
        }
    }

    /// <returns>A database with the tables of a service that has stopped.</returns>
    private async Task<string> WithSchemaAsync(NatsServer nats)
    {
        var database = postgres.NewDatabase();
        await using var service = await TestService.StartAsync(nats, database, consumes: false);
        return database;
    }

    private static string TimeLimited(string database) => new NpgsqlConnectionStringBuilder(database) { Options = $"-c {TimeLimit}" }.ToString();

    private static Task InsertIntoInboxAsync(string database, int count, string age) => ExecuteAsync(database,
        $"insert into inbox (consumer, event_id, applied_at) select 'ping-handler', gen_random_uuid(), now() - interval '{age}' from generate_series(1, {count})");

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
