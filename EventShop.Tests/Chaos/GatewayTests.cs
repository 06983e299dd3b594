using EventShop.Messaging.Testing;

namespace EventShop.Tests.Chaos;

/// <summary>The card processor has a bad day, in each way it can.</summary>
[Trait("Category", "Chaos")]
public sealed class GatewayTests(SharedPostgres postgres)
{
    [Fact]
    public async Task A_gateway_that_fails_in_turn_in_every_way_delays_orders_and_fails_none()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        foreach (var mood in new[]
        {
            GatewayMood.Slow, GatewayMood.Unavailable, GatewayMood.TooManyRequests, GatewayMood.Hanging,
            GatewayMood.LosingReplies, GatewayMood.Babbling,
        })
        {
            shop.Gateway.Mood = mood;
            var before = shop.Gateway.Calls;
            await shop.Load.MoreAsync(60);
            await Eventually.True($"the gateway is called while it is {mood}", () => shop.Gateway.Calls > before + 3);
        }

        shop.Gateway.Mood = GatewayMood.Well;
        shop.Healed();
        await shop.Load.MoreAsync(20);
        Assert.Empty(shop.Load.Failures);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public Task A_gateway_that_is_down_is_probed_and_not_stormed() => ProbedAsync(TimeSpan.FromSeconds(8));

    [Fact(Explicit = true)]
    public Task A_gateway_that_is_down_for_a_minute_is_probed_and_not_stormed() => ProbedAsync(TimeSpan.FromMinutes(1));

    private async Task ProbedAsync(TimeSpan outage)
    {
        // Impatient's OpenTimeout: one probe a second at most.
        await using var shop = await ChaosShop.StartAsync(postgres);
        await shop.Load.MoreAsync(50);

        shop.Gateway.Mood = GatewayMood.Unavailable;
        await Eventually.True("consumption pauses", () =>
            shop.Shop.PaymentService.Output.Contains("payment-orders pauses", StringComparison.Ordinal));
        var paused = TimeProvider.System.GetTimestamp();
        await Task.Delay(outage);
        var calls = shop.Gateway.CallsSince(paused);
        shop.Gateway.Mood = GatewayMood.Well;
        shop.Healed();

        ChaosRun.Note("gateway calls while it was down", $"{calls} in {outage.TotalSeconds:0} s");
        Assert.True(calls <= outage.TotalSeconds + 1, $"{calls} calls in {outage}, a probe each second is allowed");
        Assert.Empty(shop.Load.Failures);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }
}
