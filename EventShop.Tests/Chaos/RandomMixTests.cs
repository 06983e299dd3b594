using EventShop.Messaging.Testing;

namespace EventShop.Tests.Chaos;

/// <summary>One fault after the other, drawn at random: <c>CHAOS_SEED</c> repeats a run, <c>CHAOS_SECONDS</c> makes it longer.</summary>
[Trait("Category", "Chaos")]
public sealed class RandomMixTests : IAsyncLifetime
{
    private readonly PostgresServer _postgres = new();

    public ValueTask InitializeAsync() => _postgres.InitializeAsync();

    public ValueTask DisposeAsync() => _postgres.DisposeAsync();

    [Fact]
    public async Task A_shop_that_meets_every_fault_in_any_order_still_balances_its_books()
    {
        await using var shop = await ChaosShop.StartAsync(_postgres);
        (string Name, Func<Task> Strike)[] faults =
        [
            ("order service killed", () => shop.ReplaceOrderServiceAsync(p => p.Kill())),
            ("payment service killed", () => shop.ReplacePaymentServiceAsync(p => p.Kill())),
            ("gateway killed", () => shop.ReplaceGatewayAsync(p => p.Kill())),
            ("order service stopped", () => shop.ReplaceOrderServiceAsync(p => p.Terminate())),
            ("payment service stopped", () => shop.ReplacePaymentServiceAsync(p => p.Terminate())),
            ("payment service frozen", () => FreezeAsync(shop.Shop.PaymentService)),
            ("order service frozen", () => FreezeAsync(shop.Shop.OrderService)),
            ("broker killed", () => KillBrokerAsync(shop)),
            ("broker wiped", () => shop.Shop.Nats.RestartEmptyAsync()),
            ("broker frozen", () => FreezeBrokerAsync(shop)),
            ("database crashed", CrashDatabaseAsync),
            ("connections cut", () => CutAsync(shop)),
            ("connections forgotten", () => ForgetAsync(shop)),
            ("network slow", () => SlowAsync(shop)),
            ("network silent", () => SilenceAsync(shop)),
            ("broker unreachable", () => UnreachableAsync(shop)),
            ("gateway unavailable", () => MoodAsync(shop, GatewayMood.Unavailable)),
            ("gateway hanging", () => MoodAsync(shop, GatewayMood.Hanging)),
            ("gateway loses replies", () => MoodAsync(shop, GatewayMood.LosingReplies)),
            ("gateway babbles", () => MoodAsync(shop, GatewayMood.Babbling)),
        ];

        var story = new List<string>();
        var started = TimeProvider.System.GetTimestamp();
        // Every fault comes once before any comes twice.
        var next = new Queue<int>();
        while (TimeProvider.System.GetElapsedTime(started) < ChaosRun.Duration)
        {
            if (next.Count == 0)
            {
                var order = Enumerable.Range(0, faults.Length).ToArray();
                shop.Random.Shuffle(order);
                next = new Queue<int>(order);
            }

            var (name, strike) = faults[next.Dequeue()];
            story.Add(name);
            await strike();
        }

        shop.Healed();
        ChaosRun.Note("faults", string.Join(", ", story));
        await shop.Load.MoreAsync(50, TimeSpan.FromSeconds(60));
        await shop.AssertNothingLostAndNothingTwiceAsync(new Expected(StreamsWiped: true));
    }

    private static Task LastingAsync(ChaosShop shop) => Task.Delay(shop.Random.Next(300, 2500));

    private static async Task FreezeAsync(ServiceProcess process)
    {
        process.Pause();
        // Longer than AckWait, so that what it holds is delivered again.
        await Task.Delay(TimeSpan.FromSeconds(4));
        process.Continue();
    }

    private static async Task KillBrokerAsync(ChaosShop shop)
    {
        shop.Shop.Nats.Kill();
        await LastingAsync(shop);
        await shop.Shop.Nats.RestartAsync();
    }

    private static async Task FreezeBrokerAsync(ChaosShop shop)
    {
        shop.Shop.Nats.Pause();
        await LastingAsync(shop);
        shop.Shop.Nats.Resume();
    }

    private async Task CrashDatabaseAsync()
    {
        await _postgres.KillAsync();
        await _postgres.StartAsync();
    }

    private static Task CutAsync(ChaosShop shop)
    {
        shop.Network.Reset(0.5, shop.Random);
        return LastingAsync(shop);
    }

    private static Task ForgetAsync(ChaosShop shop)
    {
        shop.Network.ForgetConnections();
        return LastingAsync(shop);
    }

    private static async Task SlowAsync(ChaosShop shop)
    {
        shop.Network.ToServer.Latency = shop.Network.ToClient.Latency = TimeSpan.FromMilliseconds(200);
        await LastingAsync(shop);
        shop.Network.Heal();
    }

    private static async Task SilenceAsync(ChaosShop shop)
    {
        shop.Network.GoSilent();
        await LastingAsync(shop);
        shop.Network.Heal();
    }

    private static async Task UnreachableAsync(ChaosShop shop)
    {
        shop.Network.IsDown = true;
        shop.Network.ResetAll();
        await LastingAsync(shop);
        shop.Network.Heal();
    }

    private static async Task MoodAsync(ChaosShop shop, GatewayMood mood)
    {
        shop.Gateway.Mood = mood;
        await LastingAsync(shop);
        shop.Gateway.Mood = GatewayMood.Well;
    }
}
