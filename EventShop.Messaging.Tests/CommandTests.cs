using System.Text.Json;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>What an operator does on the service's command line, beside the running service.</summary>
public sealed class CommandTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Poison_is_listed_shown_redriven_under_the_same_id_and_discarded()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        await using var service = await TestService.StartAsync(nats, database);
        await Eventually.True("it consumes", async () => await service.ConsumerAsync() is not null && await service.StreamMessagesAsync(TestService.DeadLetters) == 0);
        await PublishPoisonAsync(service);
        var letter = Assert.Single(await LettersAsync(nats, database, count: 1));
        var id = letter.GetProperty("id").GetString()!;

        var (_, list) = await TestService.RunCommandAsync(nats, database, "dead-letters", "list");
        var lines = list.Split(Environment.NewLine);
        Assert.StartsWith("SEQ  ID  ", lines[0], StringComparison.Ordinal);
        Assert.Matches($"^1    {id}  {TestService.Consumer}  .*  20[0-9-]+ [0-9:]+Z  open ", lines[1]);
        Assert.Equal(lines[0].IndexOf("CONSUMER", StringComparison.Ordinal), lines[1].IndexOf(TestService.Consumer, StringComparison.Ordinal));
        Assert.Equal(0, (await JsonAsync(nats, database, "dead-letters", "list", "--after", "1", "--limit=5")).GetArrayLength());

        var (_, shown) = await TestService.RunCommandAsync(nats, database, "dead-letters", "show", id);
        Assert.Matches($"(?m)^message +1 of PINGS, subject {Ping.Subject}$", shown.ReplaceLineEndings("\n"));
        // A terminal obeys what is in a message.
        Assert.EndsWith("\uFFFD[2J no JSON", shown.TrimEnd(), StringComparison.Ordinal);
        Assert.Equal("\u001b[2J no JSON", (await JsonAsync(nats, database, "dead-letters", "show", id)).GetProperty("body").GetString());

        Assert.Equal((0, "1 redriven"), Trimmed(await TestService.RunCommandAsync(nats, database, "dead-letters", "redrive", id)));
        var again = await Eventually.Value("it is back", () => JsonAsync(nats, database, "dead-letters", "list"), letters => letters.GetArrayLength() == 1);
        Assert.Equal((id, 2), (again[0].GetProperty("id").GetString(), again[0].GetProperty("sequence").GetInt32()));
        Assert.Equal(1, (await JsonAsync(nats, database, "dead-letters", "redrive", "--all")).GetProperty("redriven").GetInt32());
        await Eventually.Value("it is back", () => JsonAsync(nats, database, "dead-letters", "list"), letters => letters.GetArrayLength() == 1);

        Assert.Equal((0, $"{id} discarded"), Trimmed(await TestService.RunCommandAsync(nats, database, "dead-letters", "discard", id)));
        Assert.Equal((0, "none"), Trimmed(await TestService.RunCommandAsync(nats, database, "dead-letters", "list")));
        foreach (var verb in new[] { "show", "redrive", "discard" })
            Assert.Equal($"this service has no dead letter {id}", await FailureAsync(nats, database, "dead-letters", verb, id));
    }

    [Fact]
    public async Task A_letter_that_cannot_be_redriven_stays_and_the_exit_code_says_so()
    {
        await using var nats = await NatsServer.StartAsync("max_payload: 8KB");
        var database = postgres.NewDatabase();
        await using var service = await TestService.StartAsync(nats, database);
        await Eventually.True("it consumes", async () => await service.ConsumerAsync() is not null && await service.StreamMessagesAsync(TestService.DeadLetters) == 0);
        (await service.JetStream.PublishAsync(Ping.Subject, new byte[8192], cancellationToken: Cancelled)).EnsureSuccess();
        var id = Assert.Single(await LettersAsync(nats, database, count: 1)).GetProperty("id").GetString()!;
        await service.JetStream.PurgeStreamAsync("PINGS", new(), Cancelled);

        var (exitCode, output) = await TestService.RunCommandAsync(nats, database, "dead-letters", "redrive", id);

        Assert.Equal(1, exitCode);
        Assert.Contains("can only be discarded", output, StringComparison.Ordinal);
        Assert.Equal(1, (await TestService.RunCommandAsync(nats, database, "dead-letters", "redrive", "--all")).ExitCode);
    }

    [Fact]
    public async Task A_parked_event_is_listed_shown_sent_again_and_discarded_with_the_broker_away_too()
    {
        await using var nats = await NatsServer.StartAsync("max_payload: 8KB");
        var database = postgres.NewDatabase();
        await using var service = await TestService.StartAsync(nats, database);
        var (first, second) = (Ping.Event(1, padding: new string('x', 10_000)), Ping.Event(2, padding: new string('x', 10_000)));
        await service.StoreAsync(first, second);
        await Eventually.Value("both are parked", () => JsonAsync(nats, database, "parked", "list"), parked => parked.GetArrayLength() == 2);
        var attempts = (await JsonAsync(nats, database, "parked", "list")).EnumerateArray()
            .Single(e => e.GetProperty("id").GetGuid() == first.Id).GetProperty("attempts").GetInt32();

        var (_, shown) = await TestService.RunCommandAsync(nats, database, "parked", "show", first.Id.ToString());
        Assert.Contains("exceeds server's maximum payload size 8192", shown, StringComparison.Ordinal);
        Assert.Contains($"header ce-id  {first.Id}", shown, StringComparison.Ordinal);
        Assert.Equal(
            first.Payload.Length, (await JsonAsync(nats, database, "parked", "show", first.Id.ToString())).GetProperty("bytes").GetInt32());

        Assert.Equal(1, (await JsonAsync(nats, database, "parked", "resend", first.Id.ToString())).GetProperty("resent").GetInt32());
        await Eventually.Value("it is refused again", () => JsonAsync(nats, database, "parked", "list"),
            parked => parked.EnumerateArray().Single(e => e.GetProperty("id").GetGuid() == first.Id).GetProperty("attempts").GetInt32() > attempts);
        nats.Config = "max_payload: 1MB";
        await nats.RestartAsync();
        Assert.Equal(0, (await TestService.RunCommandAsync(nats, database, "parked", "discard", first.Id.ToString(), "--reason", "sent by hand")).ExitCode);
        Assert.Contains("1 due now", (await TestService.RunCommandAsync(nats, database, "parked", "resend", "--all")).Output, StringComparison.Ordinal);
        await Eventually.Value("the other is sent", () => JsonAsync(nats, database, "parked", "list"), parked => parked.GetArrayLength() == 0);
        Assert.Equal(1, await service.StreamMessagesAsync());

        nats.Kill();
        var (_, discarded) = await TestService.RunCommandAsync(nats, database, "parked", "list", "--discarded");
        Assert.Matches($"(?m)^{first.Id}  .*  sent by hand$", discarded.ReplaceLineEndings("\n"));
        foreach (var verb in new[] { "resend", "discard" })
            Assert.Equal($"this service has no parked event {first.Id}", await FailureAsync(nats, database, "parked", verb, first.Id.ToString()));
    }

    [Fact]
    public async Task Status_and_consumers_tell_what_is_there()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        var hold = new TaskCompletionSource();
        var script = new PingScript { Handle = (_, _, cancellationToken) => hold.Task.WaitAsync(cancellationToken) };
        await using var service = await TestService.StartAsync(nats, database, script: script, settings:
            [($"Messaging:Consumers:{TestService.Consumer}:Prefetch", "2"), ($"Messaging:Consumers:{TestService.Consumer}:MaxAckPending", "2")]);
        await service.StoreAsync(Ping.Event(1), Ping.Event(2), Ping.Event(3));
        await service.ScalarAsync<int>("insert into outbox_unsent (id, due_at, since) values (gen_random_uuid(), now() + interval '1 hour', now() + interval '1 hour') returning 1");
        var consumer = (await Eventually.Value("two are being handled", () => JsonAsync(nats, database, "consumers"),
            consumers => consumers[0].GetProperty("ackPending").ValueKind is JsonValueKind.Number && consumers[0].GetProperty("ackPending").GetInt64() == 2
                && consumers[0].GetProperty("lag").GetInt64() == 1))[0];
        Assert.Equal(
            (TestService.Consumer, "PINGS", "pings.>", true, 0L, 2L, 0L),
            (consumer.GetProperty("name").GetString(), consumer.GetProperty("stream").GetString(), consumer.GetProperty("subject").GetString(),
                consumer.GetProperty("exists").GetBoolean(), consumer.GetProperty("redelivered").GetInt64(), consumer.GetProperty("delivered").GetInt64(),
                consumer.GetProperty("ackFloor").GetInt64()));

        await Eventually.True("nothing is owed", async () => (await JsonAsync(nats, database, "status")).GetProperty("outbox").GetProperty("unsent").GetInt64() == 0);
        var status = await JsonAsync(nats, database, "status");
        Assert.True(status.GetProperty("nats").GetProperty("isReachable").GetBoolean());
        Assert.Equal((1L, 0L), (status.GetProperty("outbox").GetProperty("scheduled").GetInt64(), status.GetProperty("outbox").GetProperty("parked").GetInt64()));
        Assert.Equal(0, status.GetProperty("deadLetters").GetInt64());
        Assert.Equal(
            [("PINGS", 3L), (TestService.DeadLetters, 0L)],
            status.GetProperty("streams").EnumerateArray().Select(stream => (stream.GetProperty("name").GetString()!, stream.GetProperty("messages").GetInt64())));
        Assert.Equal(1, status.GetProperty("consumers").GetArrayLength());

        var (exitCode, text) = await TestService.RunCommandAsync(nats, database, "status");
        Assert.Equal(0, exitCode);
        Assert.Contains("outbox        0 unsent; 1 scheduled; 0 parked", text, StringComparison.Ordinal);
        Assert.Contains($"nats          {nats.Url}, nats-server ", text, StringComparison.Ordinal);
        Assert.Matches($"(?m)^{TestService.Consumer} +PINGS +pings.> +1 +2 +0 +2 +0$", text.ReplaceLineEndings("\n"));
        hold.SetResult();
    }

    [Fact]
    public async Task Before_its_setup_a_service_says_what_is_missing()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = await NewEmptyDatabaseAsync();

        Assert.Equal(1, (await TestService.RunCommandAsync(nats, database, "status")).ExitCode);
        Assert.Contains("missing", (await TestService.RunCommandAsync(nats, database, "consumers")).Output, StringComparison.Ordinal);
        Assert.EndsWith(": run the service, or its setup, first", await FailureAsync(nats, database, "dead-letters", "list"), StringComparison.Ordinal);
        Assert.EndsWith(": run the service, or its setup, first", await FailureAsync(nats, database, "parked", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_script_makes_the_tables_and_twice_does_nothing_more_and_neither_does_apply()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = await NewEmptyDatabaseAsync();
        var (_, script) = await TestService.RunCommandAsync(nats, database, "schema", "script");
        Assert.Equal(script.TrimEnd(), (await JsonAsync(nats, database, "schema", "script")).GetProperty("script").GetString()!.TrimEnd());
        await using var db = NpgsqlDataSource.Create(database);

        await ExecuteAsync(db, script);
        var versions = await VersionsAsync(db);
        Assert.Contains(versions, version => version.Contains("001_outbox.sql", StringComparison.Ordinal));
        await ExecuteAsync(db, script);
        Assert.Equal(versions, await VersionsAsync(db));
        Assert.Equal((0, "nothing to apply"), Trimmed(await TestService.RunCommandAsync(nats, database, "schema", "apply")));
        Assert.Equal((0, "none"), Trimmed(await TestService.RunCommandAsync(nats, database, "parked", "list")));

        // AddDatabase makes the database too.
        var another = postgres.NewDatabase();
        Assert.Equal(versions.Count, (await JsonAsync(nats, another, "schema", "apply")).GetProperty("applied").GetArrayLength());
        Assert.Equal((0, "nothing to apply"), Trimmed(await TestService.RunCommandAsync(nats, another, "schema", "apply")));
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("frozen")]
    public async Task With_the_broker_away_it_says_so_in_one_line_and_soon(string state)
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        await TestService.RunCommandAsync(nats, database, "schema", "apply");
        if (state == "gone")
            nats.Kill();
        else
            nats.Pause();

        foreach (var words in new[] { new[] { "consumers" }, ["dead-letters", "list"], ["dead-letters", "redrive", "--all"] })
        {
            var started = TimeProvider.System.GetTimestamp();
            var failure = await FailureAsync(nats, database, words);

            Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(5), $"took {TimeProvider.System.GetElapsedTime(started)}");
            Assert.StartsWith($"NATS at {nats.Url}: ", failure, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure);
        }

        // What can be known is told.
        var (exitCode, output) = await TestService.RunCommandAsync(nats, database, "status", "--json");
        var status = JsonElement.Parse(output);
        Assert.Equal((1, false), (exitCode, status.GetProperty("nats").GetProperty("isReachable").GetBoolean()));
        Assert.Equal(0, status.GetProperty("outbox").GetProperty("unsent").GetInt64());
        if (state == "frozen")
            nats.Resume();
    }

    [Fact]
    public async Task With_the_database_away_it_says_so_in_one_line()
    {
        await using var nats = await NatsServer.StartAsync();
        var nowhere = $"Host=127.0.0.1;Port={FreePort.Take()};Username=nobody;Password=secret;Database=pings";

        var failure = await FailureAsync(nats, nowhere, "parked", "list");
        Assert.StartsWith("database pings at 127.0.0.1:", failure, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", failure, StringComparison.Ordinal);
        var (exitCode, text) = await TestService.RunCommandAsync(nats, nowhere, "status");
        Assert.Equal(1, exitCode);
        Assert.Contains("database  database pings at 127.0.0.1:", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dead-letters", "a word is missing. Possible: dead-letters list [--after SEQ] ")]
    [InlineData("dead-letters frobnicate", "'frobnicate' is not known. Possible: dead-letters list [--after SEQ] ")]
    [InlineData("dead-letters list --limit 0", "--limit must be a number from 1 to 1000. Possible: dead-letters list ")]
    [InlineData("dead-letters list --limit", "--limit needs a value. Possible: dead-letters list ")]
    [InlineData("dead-letters list --discarded", "'--discarded' is not known. Possible: dead-letters list ")]
    [InlineData("dead-letters show", "the id is missing. Possible: dead-letters list ")]
    [InlineData("dead-letters redrive 17", "'17' is no id. Possible: dead-letters list ")]
    [InlineData("dead-letters redrive --all 01890000-0000-7000-8000-000000000000", "'01890000-0000-7000-8000-000000000000' is not known. Possible: ")]
    [InlineData("parked resend", "the id is missing. Possible: parked list [--discarded] ")]
    [InlineData("parked list --after 1", "'1' is no id. Possible: parked list ")]
    [InlineData("status now", "'now' is not known. Possible: status [--json]")]
    [InlineData("consumers --all", "'--all' is not known. Possible: consumers [--json]")]
    [InlineData("consumers --json --Messaging:Schema=shop", "--Messaging:Schema must come before --json, or the host overlooks it. Possible: consumers ")]
    [InlineData("schema drop", "'drop' is not known. Possible: schema script | apply [--json]")]
    public async Task A_wrong_argument_is_told_with_what_is_possible(string words, string failure)
    {
        await using var nats = await NatsServer.StartAsync();
        Assert.StartsWith(failure, await FailureAsync(nats, postgres.NewDatabase(), words.Split(' ')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_of_the_host_on_the_same_command_line_are_no_arguments()
    {
        await using var nats = await NatsServer.StartAsync();
        Assert.Equal(0, (await TestService.RunCommandAsync(nats, postgres.NewDatabase(), "schema", "--Messaging:Schema=shop", "script", "--Messaging:Outbox:Claim=00:00:05")).ExitCode);
    }

    private async Task<string> NewEmptyDatabaseAsync()
    {
        var database = postgres.NewDatabase();
        await postgres.ExecuteAsync($"create database {new NpgsqlConnectionStringBuilder(database).Database}");
        return database;
    }

    private static async Task PublishPoisonAsync(TestService service) => (await service.JetStream.PublishAsync(
        Ping.Subject, "\u001b[2J no JSON"u8.ToArray(), headers: Ping.Headers(), cancellationToken: Cancelled)).EnsureSuccess();

    private static async Task<JsonElement[]> LettersAsync(NatsServer nats, string database, int count) => [.. (await Eventually.Value(
        $"there are {count} dead letters", () => JsonAsync(nats, database, "dead-letters", "list"), letters => letters.GetArrayLength() == count)).EnumerateArray()];

    private static async Task<JsonElement> JsonAsync(NatsServer nats, string database, params string[] words) =>
        JsonElement.Parse((await TestService.RunCommandAsync(nats, database, [.. words, "--json"])).Output);

    /// <returns>The one line.</returns>
    private static async Task<string> FailureAsync(NatsServer nats, string database, params string[] words) =>
        (await Assert.ThrowsAsync<StartupException>(() => TestService.RunCommandAsync(nats, database, words))).Message;

    private static (int ExitCode, string Output) Trimmed((int ExitCode, string Output) answer) => (answer.ExitCode, answer.Output.TrimEnd());

    private static async Task ExecuteAsync(NpgsqlDataSource db, string sql)
    {
        await using var command = db.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancelled);
    }

    private static async Task<IReadOnlyList<string>> VersionsAsync(NpgsqlDataSource db)
    {
        await using var command = db.CreateCommand("select array_agg(name || ' ' || applied_at order by name) from schema_versions");
        return (string[])(await command.ExecuteScalarAsync(Cancelled))!;
    }
}
