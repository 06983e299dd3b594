using System.Collections.Concurrent;

namespace EventShop.Messaging.Tests;

/// <summary>Messages that cannot be handled yet, through no fault of their own, are held.</summary>
public sealed class HeldMessageTests(SharedPostgres postgres)
{
    private const string Options = $"Messaging:Consumers:{TestService.Consumer}";

    [Fact]
    public async Task While_a_dependency_is_down_messages_keep_their_place_and_their_attempts()
    {
        await using var nats = await NatsServer.StartAsync();
        var down = true;
        var script = new PingScript
        {
            Handle = (_, _, _) => down ? throw new DependencyUnavailableException("the gateway is down") : Task.CompletedTask,
        };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script, settings:
            [($"{Options}:Workers", "4"), ($"{Options}:MaxAckPending", "8"), ($"{Options}:MaxAttempts", "1"), ($"{Options}:AckWait", "00:00:03")]);

        await service.StoreAsync([.. Enumerable.Range(0, 50).Select(n => Ping.Event(n))]);
        // Longer than AckWait, more failures than MaxAttempts.
        await Eventually.True("it was tried many times", () => Task.FromResult(script.Attempts.Count >= 20), TimeSpan.FromSeconds(60));
        Assert.True(script.Attempts.Select(a => a.Number).Distinct().Count() <= 4, "more than the workers hold was started");
        down = false;

        await Eventually.True("all are acknowledged", async () =>
            await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0, Delivered.StreamSeq: 50 }, TimeSpan.FromSeconds(30));
        Assert.All(script.Attempts, a => Assert.Equal(1, a.Attempt));
        Assert.Equal(0, await service.StreamMessagesAsync(TestService.DeadLetters));
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(8, 25)]
    public async Task However_often_the_service_stops_while_a_dependency_is_down_its_messages_keep_their_attempts(int maxAttempts, int stops)
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        var script = new PingScript { Handle = (_, _, _) => throw new DependencyUnavailableException("the gateway is down") };

        for (var n = 0; n < stops; n++)
        {
            await using var service = await StartAsync();
            if (n == 0)
                await service.StoreAsync([.. Enumerable.Range(0, 20).Select(number => Ping.Event(number))]);
            var before = script.Attempts.Count;
            await Eventually.True("one is held", () => Task.FromResult(script.Attempts.Count > before));
        }
        script.Handle = (_, _, _) => Task.CompletedTask;
        await using var last = await StartAsync();

        await Eventually.True("all are acknowledged", async () =>
            await last.ConsumerAsync() is { NumPending: 0, NumAckPending: 0, Delivered.StreamSeq: 20 }, TimeSpan.FromSeconds(30));
        Assert.All(script.Attempts, a => Assert.Equal(1, a.Attempt));
        Assert.Equal(0, await last.StreamMessagesAsync(TestService.DeadLetters));
        Assert.Equal(0, await last.ScalarAsync<long>("select count(*) from attempts"));

        Task<TestService> StartAsync() => TestService.StartAsync(nats, database, script: script, settings:
            [($"{Options}:Workers", "2"), ($"{Options}:MaxAckPending", "8"), ($"{Options}:MaxAttempts", $"{maxAttempts}")]);
    }

    [Fact]
    public async Task More_messages_that_have_to_wait_than_there_are_workers_keep_nobody_from_being_handled()
    {
        await using var nats = await NatsServer.StartAsync();
        var early = true;
        var script = new PingScript
        {
            Handle = (ping, _, _) => early && ping.Number < 30 ? throw new NotYetException("too early") : Task.CompletedTask,
        };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script, settings:
            [($"{Options}:Workers", "4"), ($"{Options}:MaxAttempts", "1"), ($"{Options}:MaxRetryDelay", "00:00:02")]);

        await service.StoreAsync([.. Enumerable.Range(0, 40).Select(n => Ping.Event(n))]);
        await Eventually.True("those that need not wait are handled", async () =>
            await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 30 } && script.Attempts.Select(a => a.Number).Distinct().Count() == 40,
            TimeSpan.FromSeconds(60));
        early = false;

        await Eventually.True("all are acknowledged", async () => await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0 }, TimeSpan.FromSeconds(60));
        Assert.All(script.Attempts, a => Assert.Equal(1, a.Attempt));
        Assert.Equal(0, await service.StreamMessagesAsync(TestService.DeadLetters));
        Assert.Equal(0, await service.ScalarAsync<long>("select count(*) from attempts"));
    }

    [Fact]
    public async Task Attempts_that_failed_are_counted_on_when_the_service_has_been_stopped()
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        var script = new PingScript { Handle = (_, _, _) => throw new InvalidOperationException("a defect") };
        (string, string)[] settings = [($"{Options}:MaxAttempts", "3"), ($"{Options}:RetryDelay", "00:00:00.500")];

        for (var attempts = 1; attempts <= 3; attempts++)
        {
            await using var service = await TestService.StartAsync(nats, database, script: script, settings: settings);
            if (attempts == 1)
                await service.StoreAsync(Ping.Event(1));
            await Eventually.True("it is attempted", () => Task.FromResult(script.Attempts.Count >= attempts), TimeSpan.FromSeconds(30));
        }

        await using var last = await TestService.StartAsync(nats, database, script: script, settings: settings);
        await Eventually.True("it is given up", async () => await last.StreamMessagesAsync(TestService.DeadLetters) == 1, TimeSpan.FromSeconds(30));
        Assert.Equal([1, 2, 3], script.Attempts.Select(a => a.Attempt));
    }

    [Fact]
    public async Task When_a_dependency_is_back_consumption_goes_on_even_if_every_message_held_is_given_up()
    {
        await using var nats = await NatsServer.StartAsync();
        var down = true;
        var held = new ConcurrentDictionary<int, bool>();
        var script = new PingScript
        {
            Handle = (ping, _, _) =>
            {
                if (!down)
                    return held.ContainsKey(ping.Number) ? throw new PoisonMessageException("no use") : Task.CompletedTask;
                held[ping.Number] = true;
                throw new DependencyUnavailableException("the gateway is down");
            },
        };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script,
            settings: [($"{Options}:Workers", "4"), ($"{Options}:MaxAckPending", "8")]);

        await service.StoreAsync([.. Enumerable.Range(0, 20).Select(n => Ping.Event(n))]);
        await Eventually.True("the gate is closed", () => Task.FromResult(script.Attempts.Count >= 12), TimeSpan.FromSeconds(60));
        down = false;

        await Eventually.True("all are handled or given up", async () =>
            await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0, Delivered.StreamSeq: 20 }, TimeSpan.FromSeconds(60));
        Assert.InRange(held.Count, 1, 19);
        Assert.All(Enumerable.Range(0, 20).Except(held.Keys), n => Assert.Equal(1, script.Handled(n)));
        Assert.Equal(held.Count, await service.StreamMessagesAsync(TestService.DeadLetters));
    }

    [Fact]
    public async Task Messages_that_wait_for_others_hold_nobody_up()
    {
        await using var nats = await NatsServer.StartAsync();
        var waiting = true;
        var script = new PingScript
        {
            Handle = (ping, _, _) => waiting && ping.Number < 10 ? throw new NotYetException("not its turn") : Task.CompletedTask,
        };
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script, settings:
            [($"{Options}:Workers", "16"), ($"{Options}:MaxAckPending", "32"), ($"{Options}:MaxAttempts", "1")]);

        await service.StoreAsync([.. Enumerable.Range(0, 10).Select(n => Ping.Event(n))]);
        await Eventually.True("each was tried again", () => Task.FromResult(Enumerable.Range(0, 10).All(n => script.Handled(n) >= 2)), TimeSpan.FromSeconds(60));
        await service.StoreAsync([.. Enumerable.Range(10, 90).Select(n => Ping.Event(n))]);
        await Eventually.True("the others are handled", async () => await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 10 });
        waiting = false;

        await Eventually.True("all are acknowledged", async () => await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0 }, TimeSpan.FromSeconds(30));
        Assert.All(script.Attempts, a => Assert.Equal(1, a.Attempt));
        Assert.Equal(0, await service.StreamMessagesAsync(TestService.DeadLetters));
    }
}
