using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging.Tests;

public sealed class OutboxTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_committed_event_is_in_the_stream_as_a_CloudEvent_and_no_longer_owed()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var e = Ping.Event(42);

        await service.StoreAsync(e);

        var message = await ReadAsync(service, 1);
        Assert.Equal("pings.sent", message.Subject);
        Assert.Equal(42, JsonDocument.Parse(message.Data!).RootElement.GetProperty("number").GetInt32());
        Assert.Equal(e.Id.ToString(), message.Headers!["Nats-Msg-Id"]);
        Assert.Equal(e.Id.ToString(), message.Headers["ce-id"]);
        Assert.Equal(Ping.Type, message.Headers["ce-type"]);
        Assert.Equal("/ping-service", message.Headers["ce-source"]);
        Assert.Equal("1.0", message.Headers["ce-specversion"]);
        Assert.Equal(e.Time, DateTimeOffset.Parse(message.Headers["ce-time"]!, System.Globalization.CultureInfo.InvariantCulture));
        await Eventually.True("nothing is owed", async () => await service.UnsentAsync() == 0);
        Assert.Equal(1L, await service.ScalarAsync<long>("select count(*) from outbox"));
    }

    [Fact]
    public async Task An_event_is_stored_only_when_its_aggregate_moved()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var (moved, unmoved) = (Ping.Event(1), Ping.Event(2));

        await using var command = service.Db.CreateCommand("select @key").AddValue("key", moved.Key);
        var stored = await service.Outbox.ApplyAsync(command, [moved, unmoved], Cancelled);

        Assert.Equal([moved.Id], stored);
        await Eventually.True("one event is in the stream", async () => await service.StreamMessagesAsync() == 1);
        Assert.Equal(1L, await service.ScalarAsync<long>("select count(*) from outbox"));
    }

    [Fact]
    public async Task An_event_of_an_ordinary_transaction_is_published_after_its_commit_and_never_after_a_rollback()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        await using var connection = await service.Db.OpenConnectionAsync(Cancelled);

        await using (var rolledBack = await connection.BeginTransactionAsync(Cancelled))
        {
            await service.Outbox.AppendAsync(rolledBack, Cancelled, Ping.Event(1));
            await rolledBack.RollbackAsync(Cancelled);
        }
        await using (var committed = await connection.BeginTransactionAsync(Cancelled))
        {
            await service.Outbox.AppendAsync(committed, Cancelled, Ping.Event(2), Ping.Event(3));
            await committed.CommitAsync(Cancelled);
        }

        await Eventually.True("nothing is owed", async () => await service.UnsentAsync() == 0);
        Assert.Equal(2, await service.StreamMessagesAsync());
        Assert.DoesNotContain("\"number\":1", System.Text.Encoding.UTF8.GetString((await ReadAsync(service, 1)).Data!));
    }

    [Fact]
    public async Task Events_committed_while_the_broker_is_away_are_published_when_it_is_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(
            nats, postgres.NewDatabase(), consumes: false, settings: [("Messaging:Outbox:Claim", "00:05:00")]);
        await service.StoreAsync(Ping.Event(0));
        // Marked, too, which is later than stored: else it may be owed still.
        await Eventually.True("the first is sent", async () => await service.StreamMessagesAsync() == 1 && await service.UnsentAsync() == 0, TimeSpan.FromSeconds(60));

        nats.Kill();
        await Eventually.True("it knows that the broker is away", () => service.Connection.ConnectionState is not NatsConnectionState.Open);
        await service.StoreAsync([.. Enumerable.Range(1, 100).Select(n => Ping.Event(n))]);
        Assert.Equal(100, await service.UnsentAsync());
        await nats.RestartAsync();

        // Long before any claim runs out.
        await Eventually.True("nothing is owed", async () => await service.UnsentAsync() == 0, TimeSpan.FromSeconds(30));
        Assert.Equal(101, await service.StreamMessagesAsync());
    }

    [Fact]
    public async Task A_broker_that_comes_back_empty_gets_its_stream_and_the_events_that_are_owed()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(
            nats, postgres.NewDatabase(), consumes: false, settings: [("Messaging:Outbox:Claim", "00:00:01")]);
        await Eventually.True("the stream exists", async () => await service.StreamMessagesAsync() == 0);

        nats.Kill();
        await nats.RestartEmptyAsync();
        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("the event is in the new stream", async () => await service.StreamMessagesAsync() == 1, TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task What_a_crashed_process_left_is_sent_by_another_also_when_it_committed_late_with_a_lower_id()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var late = Ping.Event(1);
        await service.StoreAsync(Ping.Event(2));
        await Eventually.True("a higher id is in the stream", async () => await service.StreamMessagesAsync() == 1);

        // What a process leaves that dies between its commit and its publish, its claim run out.
        await using var connection = await service.Db.OpenConnectionAsync(Cancelled);
        await using var insert = new Npgsql.NpgsqlCommand("""
            insert into outbox (id, key, type, subject, time, payload) values (@id, @key, @type, @subject, @time, @payload);
            insert into outbox_unsent (id, due_at) values (@id, now() - interval '1 second')
            """, connection)
            .AddValue("id", late.Id).AddValue("key", late.Key).AddValue("type", late.Type).AddValue("subject", late.Subject)
            .AddValue("time", late.Time.UtcDateTime).AddValue("payload", late.Payload);
        await insert.ExecuteNonQueryAsync(Cancelled);

        await Eventually.True("it is in the stream too", async () => await service.StreamMessagesAsync() == 2);
        await Eventually.True("nothing is owed", async () => await service.UnsentAsync() == 0);
    }

    [Fact]
    public async Task An_event_the_broker_has_already_is_not_stored_twice_and_no_longer_owed()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var e = Ping.Event(1);
        await service.StoreAsync(e);
        await Eventually.True("nothing is owed", async () => await service.UnsentAsync() == 0);

        await service.Outbox.ResendAsync([e.Id], Cancelled);

        await Eventually.True("nothing is owed again", async () => await service.UnsentAsync() == 0);
        Assert.Equal(1, await service.StreamMessagesAsync());
    }

    [Theory]
    [InlineData("payload", "exceeds server's maximum payload size")]
    [InlineData("payload with its headers", "exceeds server's maximum payload size")]
    [InlineData("headers", "header size exceeds maximum allowed of 64k")]
    [InlineData("header value", "Invalid header value")]
    [InlineData("subject", "Subject is invalid")]
    public async Task An_event_that_can_never_be_published_is_parked_with_the_reason_and_holds_nobody_up(string flaw, string reason)
    {
        const int Megabyte = 1024 * 1024;
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var flawed = flaw switch
        {
            "payload" => Ping.Event(1, padding: new string('x', Megabyte)),
            "payload with its headers" => Ping.Event(1, padding: new string('x', Megabyte - 200)),
            "headers" => Ping.Event(1) with { Type = new string('!', 66_000) },
            "header value" => Ping.Event(1) with { Type = "two\r\nlines" },
            _ => Ping.Event(1) with { Subject = "pings.two words" },
        };

        await service.StoreAsync(flawed, Ping.Event(2));

        await Eventually.True("the other is in the stream", async () => await service.StreamMessagesAsync() == 1);
        await Eventually.True("the flawed one is parked", async () =>
            await service.ScalarAsync<long>("select count(*) from outbox_unsent where parked_at is not null") == 1);
        Assert.Contains(reason, await service.ScalarAsync<string>("select error from outbox_unsent where parked_at is not null"));
    }

    [Theory]
    [InlineData("baggage", "")]
    [InlineData("tracestate", "")]
    [InlineData("traceparent", "")]
    [InlineData("baggage and tracestate", "traceparent")]
    [InlineData("a line break in tracestate", "traceparent")]
    [InlineData("baggage beyond the payload", "tracestate traceparent")]
    public async Task An_event_refused_for_headers_it_can_do_without_is_sent_without_them(string flaw, string kept)
    {
        var big = new string('!', 66_000);
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var e = Ping.Event(1) with { TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", TraceState = "vendor=1", Baggage = "user=2" };
        var flawed = flaw switch
        {
            "baggage" => e with { Baggage = big, TraceParent = null, TraceState = null },
            "tracestate" => e with { TraceState = big, Baggage = null, TraceParent = null },
            "traceparent" => e with { TraceParent = big, Baggage = null, TraceState = null },
            "baggage and tracestate" => e with { Baggage = big, TraceState = big },
            "a line break in tracestate" => e with { TraceState = "two\r\nlines", Baggage = null },
            _ => Ping.Event(1, padding: new string('x', (1024 * 1024) - 1000)) with { TraceParent = e.TraceParent, TraceState = e.TraceState, Baggage = new string('!', 2000) },
        };

        await service.StoreAsync(flawed);

        var message = await ReadAsync(service, 1);
        Assert.Equal(flawed.Payload, message.Data);
        Assert.Equal(flawed.Id.ToString(), message.Headers!["ce-id"]);
        Assert.All(["baggage", "tracestate", "traceparent"], name =>
            Assert.Equal(kept.Contains(name, StringComparison.Ordinal), message.Headers.ContainsKey(name)));
        await Eventually.True("nothing is owed", async () => await service.ScalarAsync<long>("select count(*) from outbox_unsent") == 0);
    }

    [Fact]
    public async Task A_parked_event_makes_the_service_unhealthy_and_is_sent_again_ever_more_rarely_until_the_broker_takes_it()
    {
        await using var nats = await NatsServer.StartAsync("max_payload: 8KB");
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false,
            settings: [("Messaging:Outbox:ParkedRetryDelay", "00:00:01"), ("Messaging:Outbox:MaxParkedRetryDelay", "00:00:02")]);
        Assert.DoesNotContain("parked since", (await service.HealthAsync("outbox")).Description, StringComparison.Ordinal);

        await service.StoreAsync(Ping.Event(1, padding: new string('x', 10_000)));

        await Eventually.True("it has been refused four times", async () =>
            await service.ScalarAsync<int>("select coalesce(max(attempts), 0) from outbox_unsent where parked_at is not null") >= 4);
        // More while it is being sent: then it is claimed.
        await Eventually.True("its pause is no longer than the longest", async () =>
            await service.ScalarAsync<double>("select extract(epoch from due_at - now())::float8 from outbox_unsent") <= 2);
        var health = await Eventually.Value("it is unhealthy", () => service.HealthAsync("outbox"), entry => entry.Status is HealthStatus.Unhealthy);
        Assert.Matches("1 parked since 20[0-9-]+T[0-9:]+Z: Payload size [0-9]+ exceeds server's maximum payload size 8192", health.Description);

        nats.Config = "max_payload: 1MB";
        await nats.RestartAsync();
        await Eventually.True("it is sent", async () => await service.ScalarAsync<long>("select count(*) from outbox_unsent") == 0, TimeSpan.FromSeconds(30));
        Assert.Equal(1, await service.StreamMessagesAsync());
        await Eventually.True("it is healthy", async () => (await service.HealthAsync("outbox")).Status is HealthStatus.Healthy);
    }

    [Fact]
    public async Task The_pauses_of_a_parked_event_double_up_to_an_hour()
    {
        await using var nats = await NatsServer.StartAsync("max_payload: 8KB");
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var e = Ping.Event(1, padding: new string('x', 10_000));
        await service.StoreAsync(e);
        await Eventually.True("it is parked", async () =>
            await service.ScalarAsync<long>("select count(*) from outbox_unsent where parked_at is not null and due_at > now() + interval '50 seconds'") == 1);

        foreach (var (parkedFor, pause) in new[] { ("10 minutes", 600.0), ("50 minutes", 3000), ("3 days", 3600) })
        {
            var attempts = await service.ScalarAsync<int>(
                $"update outbox_unsent set parked_at = now() - interval '{parkedFor}', due_at = now() returning attempts");
            await Eventually.True("it has been refused again", async () =>
                await service.ScalarAsync<long>($"select count(*) from outbox_unsent where attempts > {attempts} and due_at > now() + interval '5 minutes'") == 1);
            Assert.InRange(await service.ScalarAsync<double>("select extract(epoch from due_at - now())::float8 from outbox_unsent"), pause - 30, pause + 30);
        }
    }

    [Fact]
    public async Task An_event_that_no_stream_captures_is_parked_with_the_reason_and_holds_nobody_up()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false,
            settings: [("Messaging:Outbox:Claim", "00:00:01"), ("Messaging:Outbox:MaxClaim", "00:00:01")]);

        await service.StoreAsync(Ping.Event(1) with { Subject = "nobody.listens" }, Ping.Event(2));

        await Eventually.True("the other is in the stream", async () => await service.StreamMessagesAsync() == 1);
        await Eventually.True("it is parked", async () =>
            await service.ScalarAsync<long>("select count(*) from outbox_unsent where parked_at is not null") == 1, TimeSpan.FromSeconds(60));
        Assert.Equal("no stream captures the subject nobody.listens", await service.ScalarAsync<string>("select error from outbox_unsent where parked_at is not null"));
    }

    [Fact]
    public async Task Sent_events_are_kept_for_the_retention_and_then_pruned_and_unsent_ones_never()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        // Their ids tell nothing of their time.
        var (old, owed, fresh) = (Ping.Event(1) with { Id = Guid.NewGuid() }, Ping.Event(2) with { Id = Guid.NewGuid() }, Ping.Event(3) with { Id = Guid.NewGuid() });
        await using (var service = await TestService.StartAsync(nats, database, consumes: false))
        {
            await service.StoreAsync(old, owed, fresh);
            await Eventually.True("nothing is owed", async () => await service.UnsentAsync() == 0);
            await service.ScalarAsync<int>($"update outbox set stored_at = now() - interval '8 days' where id in ('{old.Id}', '{owed.Id}') returning 1");
            await service.ScalarAsync<int>($"insert into outbox_unsent (id, due_at, parked_at) values ('{owed.Id}', now() + interval '1 hour', now()) returning 1");
        }

        await using var next = await TestService.StartAsync(nats, database, consumes: false);

        await Eventually.True("the old one is gone", async () => await next.ScalarAsync<long>("select count(*) from outbox") == 2);
        Assert.Equal(2L, await next.ScalarAsync<long>($"select count(*) from outbox where id in ('{owed.Id}', '{fresh.Id}')"));
    }

    [Fact]
    public async Task Two_replicas_do_not_send_each_others_events()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        await using var one = await TestService.StartAsync(nats, database, consumes: false);
        await using var other = await TestService.StartAsync(nats, database, consumes: false);
        foreach (var service in new[] { one, other })
            await Eventually.True("it is connected", () => service.Connection.ConnectionState is NatsConnectionState.Open);

        // Counts what a sweep claims: the events of its own process, and those of another, are claimed by their commit.
        await using var count = one.Db.CreateCommand("""
            create table claims (id uuid);
            create function claimed() returns trigger language plpgsql as 'begin insert into claims values (new.id); return new; end';
            create trigger claimed after update on outbox_unsent for each row execute function claimed()
            """);
        await count.ExecuteNonQueryAsync(Cancelled);

        for (var n = 0; n < 50; n++)
            await Task.WhenAll(one.StoreAsync(Ping.Event(n)), other.StoreAsync(Ping.Event(-n)));

        await Eventually.True("nothing is owed", async () => await one.UnsentAsync() == 0);
        Assert.Equal(100, await one.StreamMessagesAsync());
        Assert.Equal(0L, await one.ScalarAsync<long>("select count(*) from claims"));
    }

    [Fact]
    public async Task Stopping_sends_what_was_committed()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        await using (var service = await TestService.StartAsync(nats, database, consumes: false))
        {
            await Eventually.True("the stream exists", async () => await service.StreamMessagesAsync() == 0);
            await service.StoreAsync([.. Enumerable.Range(0, 2000).Select(n => Ping.Event(n))]);
        }

        await using var after = await TestService.StartAsync(nats, database, consumes: false);
        Assert.Equal(0, await after.UnsentAsync());
        Assert.Equal(2000, await after.StreamMessagesAsync());
    }

    private static async Task<INatsJSMsg<byte[]>> ReadAsync(TestService service, ulong sequence)
    {
        await Eventually.True($"message {sequence} is in the stream", async () => await service.StreamMessagesAsync() >= (long)sequence);
        var consumer = await service.JetStream.CreateOrUpdateConsumerAsync("PINGS", new($"reader-{Guid.NewGuid():N}"));
        await foreach (var message in consumer.FetchAsync<byte[]>(new NatsJSFetchOpts { MaxMsgs = (int)sequence, Expires = TimeSpan.FromSeconds(5) }))
            if (message.Metadata!.Value.Sequence.Stream == sequence)
                return message;
        throw new InvalidOperationException($"message {sequence} was not delivered");
    }
}
