using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;

namespace EventShop.Messaging.Tests;

public sealed class ConsumerTests(SharedPostgres postgres)
{
    private const string Options = $"Messaging:Consumers:{TestService.Consumer}";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_are_handled_and_acknowledged()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());

        await service.StoreAsync([.. Enumerable.Range(0, 500).Select(n => Ping.Event(n))]);

        await Eventually.True("all are acknowledged", async () =>
            await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0, Delivered.ConsumerSeq: 500 });
        Assert.Equal(Enumerable.Range(0, 500), service.Script.Attempts.Select(a => a.Number).Order());
        Assert.Equal(HealthStatus.Healthy, (await service.HealthAsync("consumers")).Status);
    }

    [Fact]
    public async Task Pulls_that_expire_without_a_word_of_the_broker_are_no_trouble_and_the_next_ones_get_the_messages()
    {
        var (words, troubles) = (0, new HashSet<string?>());
        await using var nats = await NatsServer.StartAsync();
        await using var proxy = new TcpProxy(() => new Uri(nats.Url).Port);
        proxy.ToClient.Forge = bytes =>
        {
            for (; bytes.IndexOf("408 Request Timeout"u8) is >= 0 and var at; words++)
                "100 Idle Heartbeat "u8.CopyTo(bytes[at..]);
        };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), natsUrl: $"nats://127.0.0.1:{proxy.Port}",
            settings: [($"{Options}:PullExpiry", "00:00:01")]);
        await Eventually.True("it consumes", async () => (await service.HealthAsync("consumers")).Status == HealthStatus.Healthy);

        var sent = 0;
        for (words = 0; words < 8; sent++)
        {
            await service.StoreAsync(Ping.Event(sent));
            await Eventually.True("it is handled", async () =>
            {
                if (await service.HealthAsync("consumers") is { Status: not HealthStatus.Healthy } entry)
                    troubles.Add(entry.Description);
                return service.Script.Handled(sent) > 0;
            });
        }

        Assert.Empty(troubles);
        Assert.Equal(Enumerable.Range(0, sent).Select(n => (n, 1)), service.Script.Attempts.Select(a => (a.Number, a.Attempt)));
    }

    [Fact]
    public async Task An_event_whose_handler_throws_is_tried_again()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(
            nats, postgres.NewDatabase(), script: FailingUntil(attempt: 3), settings: [($"{Options}:RetryDelay", "00:00:00.020")]);

        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it is acknowledged", async () =>
            await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0, Delivered.StreamSeq: 1 });
        Assert.Equal([1, 2, 3], service.Script.Attempts.Select(a => a.Attempt));
        Assert.Single(service.Script.Attempts.Select(a => a.EventId).Distinct());
    }

    [Fact]
    public async Task An_event_that_keeps_failing_is_kept_as_a_dead_letter_with_its_reason_and_holds_nobody_up()
    {
        await using var nats = await NatsServer.StartAsync();
        var script = new PingScript
        {
            Handle = (ping, _, _) => ping.Number == 1 ? throw new InvalidOperationException("out of luck") : Task.CompletedTask,
        };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script,
            settings: [($"{Options}:RetryDelay", "00:00:00.020"), ($"{Options}:MaxAttempts", "3")]);
        var unlucky = Ping.Event(1);

        await service.StoreAsync(unlucky, Ping.Event(2));

        await Eventually.True("it is in the dead letters", async () => await service.StreamMessagesAsync(TestService.DeadLetters) == 1);
        await Eventually.True("nothing is pending", async () => await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0 });
        Assert.Equal((3, 1), (script.Handled(1), script.Handled(2)));
        var letter = await DeadLetterAsync(service);
        Assert.Equal(unlucky.Payload, letter.Data);
        Assert.Equal(unlucky.Id.ToString(), letter.Headers!["ce-id"]);
        Assert.Equal("out of luck", letter.Headers["dead-letter-reason"]);
        Assert.Equal(typeof(InvalidOperationException).FullName, letter.Headers["dead-letter-exception"]);
        Assert.Equal("3", letter.Headers["dead-letter-attempts"]);
        Assert.Equal("pings.sent", letter.Headers["dead-letter-subject"]);
        Assert.Equal("PINGS", letter.Headers["dead-letter-stream"]);
    }

    [Theory]
    [InlineData("this is not JSON", Type, "line 0")]
    [InlineData("""{"id":"0192f3a0-0000-7000-8000-000000000000"}""", Type, "$")]
    [InlineData("{}", "eventshop.tests.pong.v1", "no handler for its type")]
    [InlineData("{}", null, "ce-type is missing")]
    public async Task A_message_that_nobody_can_read_is_a_dead_letter_at_once(string body, string? type, string reason)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());
        await Eventually.True("the stream exists", async () => await service.StreamMessagesAsync() == 0);
        var headers = Ping.Headers(type is null ? headers => headers.Remove("ce-type") : headers => headers["ce-type"] = type);

        await service.JetStream.PublishAsync("pings.sent", System.Text.Encoding.UTF8.GetBytes(body), headers: headers, cancellationToken: Cancelled);

        await Eventually.True("it is in the dead letters", async () => await service.StreamMessagesAsync(TestService.DeadLetters) == 1);
        var letter = await DeadLetterAsync(service);
        Assert.Contains(reason, letter.Headers!["dead-letter-reason"].ToString(), StringComparison.Ordinal);
        Assert.Equal("1", letter.Headers["dead-letter-attempts"]);
        Assert.Equal(body, System.Text.Encoding.UTF8.GetString(letter.Data!));
        Assert.Empty(service.Script.Attempts);
    }

    private const string Type = "eventshop.tests.ping.v1";

    [Fact]
    public async Task An_event_of_a_later_version_with_more_members_is_handled()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());
        await Eventually.True("the stream exists", async () => await service.StreamMessagesAsync() == 0);
        await service.JetStream.PublishAsync("pings.sent", """{"id":"0192f3a0-0000-7000-8000-000000000000","number":7,"colour":"red","more":{"a":[1]}}"""u8.ToArray(),
            headers: Ping.Headers(), cancellationToken: Cancelled);

        await Eventually.True("it is handled", () => Task.FromResult(service.Script.Handled(7) == 1));
    }

    [Fact]
    public async Task A_handler_slower_than_AckWait_is_not_given_its_message_twice()
    {
        await using var nats = await NatsServer.StartAsync();
        var release = new TaskCompletionSource();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(),
            script: new PingScript { Handle = (ping, _, _) => ping.Number == 1 ? release.Task : Task.CompletedTask },
            settings: [($"{Options}:AckWait", "00:00:03")]);

        var started = TimeProvider.System.GetTimestamp();
        await service.StoreAsync(Ping.Event(1));
        await Eventually.True("twice AckWait has passed", () =>
            Task.FromResult(TimeProvider.System.GetElapsedTime(started) > TimeSpan.FromSeconds(6.5)), TimeSpan.FromSeconds(10));
        release.SetResult();

        await Eventually.True("it is acknowledged", async () => await service.ConsumerAsync() is { NumAckPending: 0, Delivered.StreamSeq: 1 });
        Assert.Equal(1, service.Script.Handled(1));
    }

    [Fact]
    public async Task A_worker_outlives_an_exception_outside_its_handler_and_the_message_is_tried_again()
    {
        // Whoever measures the process may throw where this library cannot expect it; only for what this test began.
        var isMine = new AsyncLocal<bool> { Value = true };
        var thrown = 0;
        using var metrics = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "messaging.process.duration")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        metrics.SetMeasurementEventCallback<double>((_, _, _, _) =>
        {
            if (isMine.Value && Interlocked.Increment(ref thrown) == 1)
                throw new InvalidOperationException("a defect");
        });
        metrics.Start();
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: FailingUntil(attempt: 2), settings:
            [($"{Options}:Workers", "1"), ($"{Options}:AckWait", "00:00:03"), ($"{Options}:RetryDelay", "00:00:00.020")]);

        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it is acknowledged", async () => await service.ConsumerAsync() is { NumAckPending: 0, Delivered.StreamSeq: 1 });
        Assert.True(thrown > 1);
        Assert.Equal([1, 2], service.Script.Attempts.Select(a => a.Attempt));
    }

    [Fact]
    public async Task A_handler_that_hangs_is_cut_off_and_its_message_tried_again()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(),
            script: new PingScript { Handle = (_, context, _) => context.Attempt == 1 ? new TaskCompletionSource().Task : Task.CompletedTask },
            settings: [($"{Options}:HandlerTimeout", "00:00:00.200"), ($"{Options}:RetryDelay", "00:00:00.020")]);

        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it is acknowledged", async () => await service.ConsumerAsync() is { NumAckPending: 0, Delivered.StreamSeq: 1 });
        Assert.Equal([1, 2], service.Script.Attempts.Select(a => a.Attempt));
    }

    [Fact]
    public async Task Consumption_goes_on_when_the_broker_was_killed_and_is_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(
            nats, postgres.NewDatabase(), settings: [("Messaging:Outbox:Claim", "00:00:01")]);
        await service.StoreAsync(Ping.Event(1));
        await Eventually.True("the first is handled", () => Task.FromResult(service.Script.Handled(1) == 1));

        nats.Kill();
        await Eventually.True("it is unhealthy", async () => (await service.HealthAsync("nats")).Status == HealthStatus.Unhealthy);
        await nats.RestartAsync();
        await service.StoreAsync(Ping.Event(2));

        await Eventually.True("the second is handled", () => Task.FromResult(service.Script.Handled(2) >= 1), TimeSpan.FromSeconds(20));
        await Eventually.True("it is ready again", async () => (await service.HealthAsync("nats")).Status == HealthStatus.Healthy);
    }

    [Fact]
    public async Task Consumption_goes_on_when_the_broker_has_lost_everything()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(
            nats, postgres.NewDatabase(), settings: [("Messaging:Outbox:Claim", "00:00:01")]);
        await service.StoreAsync(Ping.Event(1));
        await Eventually.True("the first is handled", () => Task.FromResult(service.Script.Handled(1) == 1));

        nats.Kill();
        await nats.RestartEmptyAsync();
        await service.StoreAsync(Ping.Event(2));

        await Eventually.True("the second is handled", () => Task.FromResult(service.Script.Handled(2) >= 1), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Stopping_finishes_what_is_being_handled_and_hands_the_rest_back_at_once()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        var release = new TaskCompletionSource();
        var first = new PingScript { Handle = (_, _, _) => release.Task };
        await using (var service = await TestService.StartAsync(nats, database, script: first, settings: [($"{Options}:Workers", "4")]))
        {
            await service.StoreAsync([.. Enumerable.Range(0, 20).Select(n => Ping.Event(n))]);
            await Eventually.True("four are being handled, four wait", async () =>
                first.Attempts.Count == 4 && await service.ConsumerAsync() is { NumAckPending: 8 });

            var stopping = service.StopAsync();
            release.SetResult();
            await stopping;
            Assert.Equal(4, first.Attempts.Count);
        }

        var begun = TimeProvider.System.GetTimestamp();
        await using var next = await TestService.StartAsync(nats, database);
        await Eventually.True("the other sixteen are handled", () => Task.FromResult(next.Script.Attempts.Count == 16));
        Assert.True(TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(15), "the rest waited for AckWait (30 s)");
        Assert.Empty(first.Attempts.Select(a => a.EventId).Intersect(next.Script.Attempts.Select(a => a.EventId)));
    }

    [Fact]
    public async Task An_effect_recorded_in_the_inbox_is_applied_once_however_often_its_event_is_delivered()
    {
        await using var nats = await NatsServer.StartAsync();
        TestService? running = null;
        var applied = 0;
        var script = new PingScript
        {
            Handle = async (_, context, cancellationToken) =>
            {
                await using var connection = await running!.Db.OpenConnectionAsync(cancellationToken);
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                if (await running.Inbox.TryRecordAsync(transaction, context, cancellationToken))
                    Interlocked.Increment(ref applied);
                await transaction.CommitAsync(cancellationToken);
                if (context.Attempt < 3)
                    throw new InvalidOperationException("failed after its commit");
            },
        };
        await using var service = running = await TestService.StartAsync(
            nats, postgres.NewDatabase(), script: script, settings: [($"{Options}:RetryDelay", "00:00:00.020")]);

        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it is acknowledged", async () => await service.ConsumerAsync() is { NumAckPending: 0, Delivered.StreamSeq: 1 });
        Assert.Equal((3, 1), (script.Handled(1), applied));
    }

    private static PingScript FailingUntil(int attempt) => new()
    {
        Handle = (_, context, _) => context.Attempt < attempt ? throw new InvalidOperationException("not yet") : Task.CompletedTask,
    };

    private static async Task<NATS.Client.JetStream.INatsJSMsg<byte[]>> DeadLetterAsync(TestService service)
    {
        var consumer = await service.JetStream.CreateOrUpdateConsumerAsync(TestService.DeadLetters, new("reader"));
        return (await consumer.NextAsync<byte[]>())!;
    }
}
