using EventShop.Messaging.Testing;

namespace EventShop.Tests.Chaos;

/// <summary>The broker dies, stays away, loses what it had, or is full, while orders come in.</summary>
[Trait("Category", "Chaos")]
public sealed class BrokerTests(SharedPostgres postgres)
{
    [Fact]
    public async Task A_broker_that_is_killed_and_comes_back_costs_nothing_but_time()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        for (var kill = 0; kill < 3; kill++)
        {
            await shop.Load.MoreAsync(50);
            shop.Shop.Nats.Kill();
            await shop.Load.MoreAsync(50);
            await shop.Shop.Nats.RestartAsync();
        }

        shop.Healed();
        // kill -9 loses what the broker had not written yet: its own files may lack the last messages, the shop does not.
        await shop.AssertNothingLostAndNothingTwiceAsync(new Expected(StreamsWiped: true));
    }

    [Fact]
    public async Task A_broker_wiped_clean_while_orders_are_in_flight_is_told_everything_again()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        // A slow gateway keeps many orders between their creation and their outcome.
        shop.Gateway.Mood = GatewayMood.Slow;
        await shop.Load.MoreAsync(200);

        Assert.NotEqual(0, await shop.Shop.OrdersAsync("select count(*) from orders where status = 'Pending'"));
        await shop.Shop.Nats.RestartEmptyAsync();
        shop.Healed();
        shop.Gateway.Mood = GatewayMood.Well;
        await shop.Load.MoreAsync(50);

        await shop.AssertNothingLostAndNothingTwiceAsync(new Expected(StreamsWiped: true));
    }

    /// <summary>For two minutes the broker recognises an announcement it has stored, and drops it: so long this takes.</summary>
    [Fact(Explicit = true)]
    public async Task Outcomes_that_one_stream_has_lost_are_asked_for_and_told_again()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        await shop.Load.MoreAsync(50);
        await shop.ReplaceOrderServiceAsync(async service =>
        {
            await service.Kill();
            await Eventually.True("payments are settled", async () =>
                await shop.Shop.PaymentsAsync("select count(*) from payments where state = 'Requested'") == 0
                && await shop.Shop.PaymentsAsync("select count(*) from outbox_unsent") == 0);
            await shop.Broker.JetStream.PurgeStreamAsync("PAYMENTS", new());
        });
        shop.Healed();

        Assert.NotEqual(0, await shop.Shop.OrdersAsync("select count(*) from orders where status = 'Pending'"));
        await shop.AssertNothingLostAndNothingTwiceAsync(new Expected(StreamsWiped: true, DrainLimit: TimeSpan.FromMinutes(4)));
    }

    [Fact]
    public Task Orders_are_taken_while_the_broker_is_away() => TakenWhileAwayAsync(TimeSpan.FromSeconds(6));

    [Fact(Explicit = true)]
    public Task Orders_are_taken_while_the_broker_is_away_for_half_a_minute() => TakenWhileAwayAsync(TimeSpan.FromSeconds(30));

    [Fact]
    public async Task A_broker_without_room_makes_events_wait_in_the_outbox_and_takes_them_when_it_has_room_again()
    {
        await using var shop = await ChaosShop.StartAsync(
            postgres, nats: await NatsServer.StartAsync(jetStreamConfig: "max_file_store: 100KB"));

        await Eventually.True("the broker is full", async () =>
            await shop.Shop.OrdersAsync("select count(*) from outbox_unsent where attempts > 1") > 50, TimeSpan.FromSeconds(40));
        await shop.Load.MoreAsync(50);
        Assert.Equal(0, await shop.Shop.OrdersAsync("select count(*) from outbox_unsent where parked_at is not null"));
        shop.Shop.Nats.JetStreamConfig = "";
        await shop.Shop.Nats.RestartAsync();
        shop.Healed();

        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    private async Task TakenWhileAwayAsync(TimeSpan absence)
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        await shop.Load.MoreAsync(50);

        await shop.Shop.Nats.StopAsync();
        var before = shop.Load.Accepted.Count;
        await Task.Delay(absence);
        var meanwhile = shop.Load.Accepted.Count - before;
        await shop.Shop.Nats.RestartAsync();
        shop.Healed();

        Assert.True(meanwhile > 10 * absence.TotalSeconds, $"only {meanwhile} orders were taken in {absence}");
        Assert.Empty(shop.Load.Failures);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }
}
