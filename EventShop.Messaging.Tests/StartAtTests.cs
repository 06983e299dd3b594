namespace EventShop.Messaging.Tests;

/// <summary>Where a new consumer begins: it is decided once.</summary>
public sealed class StartAtTests(SharedPostgres postgres)
{
    [Fact]
    public async Task From_now_on_means_from_the_first_start_on_also_when_the_broker_loses_the_consumer()
    {
        await using var nats = await NatsServer.StartAsync();
        var publishers = postgres.NewDatabase();
        await using var publisher = await TestService.StartAsync(nats, publishers, consumes: false);
        await publisher.StoreAsync(Ping.Event(1), Ping.Event(2));
        await Eventually.True("they are in the stream", async () => await publisher.StreamMessagesAsync() == 2);
        var database = postgres.NewDatabase();
        var script = new PingScript();
        await using (var service = await TestService.StartAsync(nats, database, script: script, startAt: StartAt.Now))
        {
            await publisher.StoreAsync(Ping.Event(3));
            await Eventually.True("what came after the start is handled", () => script.Handled(3) == 1);
            await Eventually.True("it is acknowledged", async () => await service.ConsumerAsync() is { NumAckPending: 0 });
        }
        await publisher.StoreAsync(Ping.Event(4));
        await publisher.JetStream.DeleteConsumerAsync("PINGS", TestService.Consumer, TestContext.Current.CancellationToken);

        await using var next = await TestService.StartAsync(nats, database, script: script, startAt: StartAt.Now);

        await Eventually.True("what came while nobody consumed is handled", () => script.Handled(4) == 1);
        Assert.Equal(0, script.Handled(1) + script.Handled(2));
    }

    [Fact]
    public async Task From_a_time_on_leaves_out_what_is_older()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var publisher = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        await publisher.StoreAsync(Ping.Event(1));
        await Eventually.True("it is in the stream", async () => await publisher.StreamMessagesAsync() == 1);
        var time = TimeProvider.System.GetUtcNow();
        await publisher.StoreAsync(Ping.Event(2));
        await Eventually.True("both are in the stream", async () => await publisher.StreamMessagesAsync() == 2);

        var script = new PingScript();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), script: script, startAt: StartAt.Time(time));

        await Eventually.True("the later one is handled", () => script.Handled(2) == 1);
        Assert.Equal(0, script.Handled(1));
    }
}
