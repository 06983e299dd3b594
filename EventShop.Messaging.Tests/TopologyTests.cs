using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging.Tests;

/// <summary>Streams and consumers are as the code says, or the service says what differs.</summary>
public sealed class TopologyTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("orders.created", "orders.created", true)]
    [InlineData("orders.created", "orders.paid", false)]
    [InlineData("orders.created", "orders", false)]
    [InlineData("orders", "orders.created", false)]
    [InlineData("orders.*", "orders.created", true)]
    [InlineData("orders.*", "orders.created.late", false)]
    [InlineData("orders.>", "orders.created.late", true)]
    [InlineData("orders.>", "orders", false)]
    [InlineData("*.created", "orders.created", true)]
    [InlineData("orders.>", "orders.*.late", true)]
    [InlineData("orders.*", "orders.>", false)]
    [InlineData("orders.created", "orders.*", false)]
    public void A_stream_captures_what_its_subjects_cover(string pattern, string subject, bool captures) =>
        Assert.Equal(captures, new StreamDefinition("ORDERS", "others", pattern).Captures(subject));

    [Fact]
    public async Task A_stream_and_a_consumer_that_differ_are_brought_to_their_definition_and_the_rest_is_left_alone()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(
            new StreamConfig("PINGS", ["pings.sent"]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 1_000_000, Description = "an operator's" }, Cancelled);
        await jetStream.CreateConsumerAsync(
            "PINGS", new ConsumerConfig(TestService.Consumer) { AckWait = TimeSpan.FromSeconds(99), MaxDeliver = 3, FilterSubject = "pings.>" }, Cancelled);

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());
        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it consumes", () => service.Script.Handled(1) == 1);
        var stream = (await jetStream.GetStreamAsync("PINGS", cancellationToken: Cancelled)).Info.Config;
        Assert.Equal(["pings.>"], stream.Subjects);
        Assert.Equal((TimeSpan.FromDays(7), 1_000_000L, "an operator's"), (stream.MaxAge, stream.MaxBytes, stream.Description));
        var consumer = (await service.ConsumerAsync())!.Config;
        Assert.Equal(TimeSpan.FromSeconds(10), consumer.AckWait);
        Assert.Equal(-1, consumer.MaxDeliver);
    }

    [Fact]
    public async Task A_changed_filter_is_applied_or_the_service_says_that_this_broker_does_not()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(new StreamConfig("PINGS", ["pings.>"]), Cancelled);
        await jetStream.CreateConsumerAsync("PINGS", new ConsumerConfig(TestService.Consumer) { FilterSubject = "pings.other" }, Cancelled);

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());
        await service.StoreAsync(Ping.Event(1));

        if (connection.ServerInfo!.Version.StartsWith("2.9.", StringComparison.Ordinal))
            await Eventually.True("it says so", async () =>
                (await service.HealthAsync("consumers")).Description?.Contains("filter_subject pings.other → pings.>", StringComparison.Ordinal) == true);
        else
            await Eventually.True("it consumes", () => service.Script.Handled(1) == 1);
    }

    [Fact]
    public async Task A_stream_that_differs_in_what_the_broker_does_not_change_leaves_the_service_unhealthy_and_saying_why()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        await new NatsJSContext(connection).CreateStreamAsync(
            new StreamConfig("PINGS", ["pings.>"]) { Storage = StreamConfigStorage.Memory }, Cancelled);

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());

        await Eventually.True("it says which stream", async () =>
            (await service.HealthAsync("nats")).Description?.Contains("stream PINGS", StringComparison.Ordinal) == true);
        var health = await service.HealthAsync("nats");
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.Contains("storage Memory → File", health.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no age limit", "max_age 00:00:00 → 7.00:00:00")]
    [InlineData("a longer age", "max_age 30.00:00:00 → 7.00:00:00")]
    [InlineData("the oldest message makes room", "discard Old → New")]
    [InlineData("one more subject", "subjects legacy.> pings.> → pings.>")]
    [InlineData("a longer duplicate window", "duplicate_window 01:00:00 → 00:02:00")]
    public async Task A_stream_that_somebody_else_made_is_never_changed_so_that_messages_could_be_lost(string made, string difference)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        var config = new StreamConfig("PINGS", ["pings.>"])
        {
            MaxAge = Ping.Stream.MaxAge,
            DuplicateWindow = Ping.Stream.DuplicateWindow,
            Discard = StreamConfigDiscard.New,
            AllowDirect = true,
        };
        config = made switch
        {
            "no age limit" => config with { MaxAge = TimeSpan.Zero },
            "a longer age" => config with { MaxAge = TimeSpan.FromDays(30) },
            "the oldest message makes room" => config with { Discard = StreamConfigDiscard.Old },
            "one more subject" => config with { Subjects = ["pings.>", "legacy.>"] },
            _ => config with { DuplicateWindow = TimeSpan.FromHours(1) },
        };
        await jetStream.CreateStreamAsync(config, Cancelled);
        await using var looks = await CountAsync(connection, "$JS.API.STREAM.INFO.PINGS");
        await using var changes = await CountAsync(connection, "$JS.API.STREAM.UPDATE.PINGS");

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), settings: [("Messaging:TopologyInterval", "00:00:01")]);
        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it consumes", () => service.Script.Handled(1) == 1);
        await Eventually.True("it has looked more than once", () => looks.Seen >= 3);
        Assert.Equal(0, changes.Seen);
        var health = await service.HealthAsync("nats");
        Assert.Equal((HealthStatus.Degraded, $"stream PINGS: {difference}"), (health.Status, health.Description));
    }

    [Fact]
    public async Task Messages_older_than_the_definition_allows_stay_in_a_stream_that_somebody_made_without_a_limit()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(new StreamConfig("PINGS", ["pings.>"]), Cancelled);
        for (var n = 0; n < 10; n++)
            await jetStream.PublishAsync("pings.old", "kept", cancellationToken: Cancelled);
        var published = TimeProvider.System.GetTimestamp();

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false,
            stream: Ping.Stream with { MaxAge = TimeSpan.FromSeconds(2), DuplicateWindow = TimeSpan.FromSeconds(1) },
            settings: [("Messaging:TopologyInterval", "00:00:01")]);

        await Eventually.True("it is told", async () => (await service.HealthAsync("nats")).Status == HealthStatus.Degraded);
        await Eventually.True("they are older", () => TimeProvider.System.GetElapsedTime(published) > TimeSpan.FromSeconds(5));
        Assert.Equal(10, await service.StreamMessagesAsync());
    }

    [Fact]
    public async Task What_an_operator_changes_while_a_service_runs_is_told_and_left()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), settings: [("Messaging:TopologyInterval", "00:00:01")]);
        await Eventually.True("all is as defined", async () =>
            await service.ConsumerAsync() is not null && (await service.HealthAsync("nats")).Status == HealthStatus.Healthy);
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        var stream = (await jetStream.GetStreamAsync("PINGS", cancellationToken: Cancelled)).Info.Config;
        await jetStream.UpdateStreamAsync(stream with { MaxAge = TimeSpan.FromHours(3) }, Cancelled);
        await jetStream.UpdateConsumerAsync("PINGS", (await service.ConsumerAsync())!.Config with { MaxAckPending = 77 }, Cancelled);

        await Eventually.True("both are told", async () =>
            (await service.HealthAsync("nats")).Description == "consumer ping-handler: max_ack_pending 77 → 1024; stream PINGS: max_age 03:00:00 → 7.00:00:00");
        // A reconnect looks at everything again.
        await nats.RestartAsync();
        await service.StoreAsync(Ping.Event(1));
        await Eventually.True("it consumes", () => service.Script.Handled(1) == 1);
        Assert.Equal(TimeSpan.FromHours(3), (await jetStream.GetStreamAsync("PINGS", cancellationToken: Cancelled)).Info.Config.MaxAge);
        Assert.Equal(77, (await service.ConsumerAsync())!.Config.MaxAckPending);
    }

    [Theory]
    [InlineData("1", "3")]
    [InlineData("3", "1")]
    public async Task Two_replicas_that_want_different_numbers_of_copies_do_not_fight(string first, string second)
    {
        await using var cluster = await NatsCluster.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = cluster.Url });
        await using var looks = await CountAsync(connection, "$JS.API.STREAM.INFO.PINGS");
        await using var changes = await CountAsync(connection, "$JS.API.STREAM.UPDATE.PINGS");
        var database = postgres.NewDatabase();
        await using var one = await StartAsync(first);
        await Eventually.True("the stream is there", async () => await one.StreamMessagesAsync() >= 0);

        await using var other = await StartAsync(second);
        await Eventually.True("there are three copies", async () =>
            (await one.JetStream.GetStreamAsync("PINGS")).Info.Config.NumReplicas == 3);
        var seen = looks.Seen;
        await Eventually.True("both have looked again and again", () => looks.Seen >= seen + 10, TimeSpan.FromMinutes(1));

        Assert.InRange(changes.Seen, 0, 1);
        var (satisfied, told) = first == "3" ? (one, other) : (other, one);
        Assert.Equal(HealthStatus.Healthy, (await satisfied.HealthAsync("nats")).Status);
        var health = await told.HealthAsync("nats");
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains("stream PINGS: num_replicas 3 → 1", health.Description, StringComparison.Ordinal);
        await one.StoreAsync([.. Enumerable.Range(0, 20).Select(n => Ping.Event(n))]);
        await Eventually.True("events get through", () => Enumerable.Range(0, 20).All(n => one.Script.Handled(n) + other.Script.Handled(n) == 1));

        Task<TestService> StartAsync(string replicas) => TestService.StartAsync(cluster.Nodes[0], database, natsUrl: cluster.Url,
            settings: [("Messaging:Replicas", replicas), ("Messaging:TopologyInterval", "00:00:01")]);
    }

    [Fact]
    public async Task Two_versions_that_want_a_consumer_otherwise_do_not_fight_and_the_one_that_starts_last_has_it()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url }.ForMessaging("counter"));
        var database = postgres.NewDatabase();
        await using var older = await StartAsync("00:00:20");
        await Eventually.True("the older has it", async () => (await older.ConsumerAsync())?.Config.AckWait == TimeSpan.FromSeconds(20));
        await using var newer = await StartAsync("00:00:05");
        await Eventually.True("the newer has it", async () => (await newer.ConsumerAsync())!.Config.AckWait == TimeSpan.FromSeconds(5));
        await using var looks = await CountAsync(connection, $"$JS.API.CONSUMER.INFO.PINGS.{TestService.Consumer}");
        await using var changes = await CountAsync(connection, $"$JS.API.CONSUMER.DURABLE.CREATE.PINGS.{TestService.Consumer}", "$JS.API.CONSUMER.CREATE.PINGS.>");

        // Whoever consumes looks for the consumer again.
        await nats.StopAsync();
        await Eventually.True("both consume no more", async () => (await Task.WhenAll(older.HealthAsync("consumers"), newer.HealthAsync("consumers")))
            .All(health => health.Status == HealthStatus.Unhealthy));
        await nats.RestartAsync();
        await Eventually.True("both consume again", async () => (await Task.WhenAll(older.HealthAsync("consumers"), newer.HealthAsync("consumers")))
            .All(health => health.Status == HealthStatus.Healthy));
        var seen = looks.Seen;
        await Eventually.True("both have looked again and again", () => looks.Seen >= seen + 10, TimeSpan.FromMinutes(1));

        Assert.Equal(0, changes.Seen);
        Assert.Equal(TimeSpan.FromSeconds(5), (await newer.ConsumerAsync())!.Config.AckWait);
        Assert.Equal(HealthStatus.Healthy, (await newer.HealthAsync("nats")).Status);
        Assert.Equal("consumer ping-handler: ack_wait 00:00:05 → 00:00:20", (await older.HealthAsync("nats")).Description);

        Task<TestService> StartAsync(string ackWait) => TestService.StartAsync(nats, database,
            settings: [("Messaging:TopologyInterval", "00:00:01"), ($"Messaging:Consumers:{TestService.Consumer}:AckWait", ackWait)]);
    }

    [Fact]
    public async Task A_message_that_is_held_is_renewed_in_time_also_when_another_version_has_made_the_wait_shorter()
    {
        await using var nats = await NatsServer.StartAsync();
        var waiting = true;
        var script = new PingScript { Handle = (_, _, _) => waiting ? throw new NotYetException("not its turn") : Task.CompletedTask };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script,
            settings: [("Messaging:TopologyInterval", "00:00:01"), ($"Messaging:Consumers:{TestService.Consumer}:AckWait", "00:01:00")]);
        await Eventually.True("it consumes", async () => await service.ConsumerAsync() is not null);
        await service.JetStream.UpdateConsumerAsync("PINGS", (await service.ConsumerAsync())!.Config with { AckWait = TimeSpan.FromSeconds(3) }, Cancelled);
        await Eventually.True("it is told", async () => (await service.HealthAsync("nats")).Status == HealthStatus.Degraded);

        await service.StoreAsync(Ping.Event(1));
        await Eventually.True("it is held", () => script.Handled(1) > 0);
        var begun = TimeProvider.System.GetTimestamp();
        await Eventually.True("it has been held for many times that wait", () => TimeProvider.System.GetElapsedTime(begun) > TimeSpan.FromSeconds(15));
        waiting = false;

        await Eventually.True("it is handled", async () => await service.ConsumerAsync() is { NumAckPending: 0, NumPending: 0 });
        Assert.All(script.Attempts, attempt => Assert.Equal(1, attempt.Attempt));
    }

    /// <summary>Counts requests that anybody makes on these subjects.</summary>
    private static async Task<Counter> CountAsync(NatsConnection connection, params string[] subjects)
    {
        var counter = new Counter();
        foreach (var subject in subjects)
            counter.Count(await connection.SubscribeCoreAsync<byte[]>(subject, cancellationToken: Cancelled));
        // The broker knows of them.
        await connection.PingAsync(Cancelled);
        return counter;
    }

    private sealed class Counter : IAsyncDisposable
    {
        private readonly List<INatsSub<byte[]>> _subscriptions = [];
        private readonly List<Task> _counting = [];
        private int _seen;

        public int Seen => Volatile.Read(ref _seen);

        public void Count(INatsSub<byte[]> subscription)
        {
            _subscriptions.Add(subscription);
            _counting.Add(Task.Run(async () =>
            {
                await foreach (var _ in subscription.Msgs.ReadAllAsync())
                    Interlocked.Increment(ref _seen);
            }));
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var subscription in _subscriptions)
                await subscription.DisposeAsync();
            await Task.WhenAll(_counting);
        }
    }
}
