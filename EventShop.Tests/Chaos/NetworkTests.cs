using EventShop.Messaging.Testing;

namespace EventShop.Tests.Chaos;

/// <summary>The network between services and broker is slow, silent, or cuts connections.</summary>
[Trait("Category", "Chaos")]
public sealed class NetworkTests(SharedPostgres postgres)
{
    /// <summary>In which a dead connection must have been noticed.</summary>
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_connection_that_is_dead_without_anybody_being_told_is_noticed_and_replaced()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        await shop.Load.MoreAsync(50);

        var before = shop.Network.Connections;
        shop.Network.ForgetConnections();
        // Nobody heals this: both services have to notice by themselves, and connect anew.
        shop.Healed();
        await Eventually.True("both services have connected anew", () => shop.Network.Connections >= before + 2, Budget);

        Assert.Empty(shop.Load.Failures);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task Events_whose_acknowledgements_never_arrive_are_sent_again_and_recognised()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        await shop.Load.MoreAsync(50);

        // Publishes arrive and their acknowledgements do not: what is sent again must be recognised.
        shop.Network.ToClient.IsSilent = true;
        await shop.Load.MoreAsync(100);
        await Eventually.True("events are sent again", async () =>
            await shop.Shop.OrdersAsync("select count(*) from outbox_unsent where attempts > 0") > 0, TimeSpan.FromSeconds(30));
        shop.Network.Heal();
        shop.Healed();

        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task Two_hundred_milliseconds_each_way_slow_orders_down_and_lose_none()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        shop.Network.ToServer.Latency = shop.Network.ToClient.Latency = TimeSpan.FromMilliseconds(200);
        await shop.Load.MoreAsync(300);

        // Nothing heals: the shop has to keep up as it is.
        shop.Healed();
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task Connections_that_are_cut_at_random_are_made_anew_and_lose_nothing()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        // Each connection is cut with a probability of 10 % every 100 ms: it lives for a second on average.
        var cuts = 0;
        var started = TimeProvider.System.GetTimestamp();
        using (var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100)))
            while (TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(8)
                && await timer.WaitForNextTickAsync(TestContext.Current.CancellationToken))
                cuts += shop.Network.Reset(0.1, shop.Random);
        ChaosRun.Note("connections cut", $"{cuts}");
        Assert.True(cuts > 3);
        shop.Healed();

        await shop.AssertNothingLostAndNothingTwiceAsync();
    }
}
