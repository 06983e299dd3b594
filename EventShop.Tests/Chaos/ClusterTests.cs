using EventShop.Messaging.Testing;

namespace EventShop.Tests.Chaos;

/// <summary>Three brokers with three copies of each stream lose their leader, and then the next.</summary>
[Trait("Category", "Chaos")]
public sealed class ClusterTests(SharedPostgres postgres)
{
    /// <summary>The publish gap that is allowed after a kill of the leader.</summary>
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_cluster_whose_leader_is_killed_goes_on_in_seconds_and_has_lost_nothing()
    {
        await using var cluster = await NatsCluster.StartAsync();
        await using var shop = await ChaosShop.StartAsync(
            postgres, new Dictionary<string, string?> { ["Messaging__Replicas"] = "3" }, cluster: cluster);

        for (var kill = 0; kill < 2; kill++)
        {
            await shop.Load.MoreAsync(100);
            await Eventually.True("all copies are current", async () => await CopiesAsync(shop) == 3, TimeSpan.FromSeconds(30));
            var leader = cluster.Node(await LeaderAsync(shop));
            leader.Kill();
            await shop.Load.MoreAsync(100);
            await Eventually.True("a new leader", async () => cluster.Node(await LeaderAsync(shop)).IsRunning, TimeSpan.FromSeconds(30));
            await Eventually.True("nothing waits in the outbox for long", async () => await shop.Shop.OrdersAsync(
                "select count(*) from outbox_unsent where attempts > 0") == 0, TimeSpan.FromSeconds(30));
            await leader.RestartAsync();
        }

        shop.Healed();
        await shop.AssertNothingLostAndNothingTwiceAsync();
        Assert.Empty(shop.Load.Failures);
        var gap = await PublishGapAsync(shop);
        ChaosRun.Note("publish gap", gap);
        Assert.True(gap < Budget, $"no event was stored for {gap}");
    }

    /// <summary>The longest time between two creations of orders in the stream: orders came in all the time.</summary>
    private static async Task<TimeSpan> PublishGapAsync(ChaosShop shop)
    {
        var times = (await shop.Broker.ReadAsync("ORDERS"))
            .Where(message => message.Subject == "orders.created")
            .Select(message => message.Metadata!.Value.Timestamp)
            .ToArray();
        return times.Zip(times.Skip(1), (earlier, later) => later - earlier).Max();
    }

    private static async Task<string> LeaderAsync(ChaosShop shop) =>
        (await shop.Broker.JetStream.GetStreamAsync("ORDERS")).Info.Cluster?.Leader ?? throw new InvalidOperationException("no leader");

    private static async Task<int> CopiesAsync(ChaosShop shop) =>
        1 + ((await shop.Broker.JetStream.GetStreamAsync("ORDERS")).Info.Cluster?.Replicas?.Count(copy => copy.Current) ?? 0);
}
