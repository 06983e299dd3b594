using System.Globalization;
using System.Text.RegularExpressions;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Chaos;

/// <summary>Services are stopped orderly, replaced one by one, and frozen, while orders come in.</summary>
[Trait("Category", "Chaos")]
public sealed partial class DeploymentTests(SharedPostgres postgres)
{
    /// <summary>On a machine however busy, nothing is held for a gateway that only seems to be away, and nothing redelivered for that.</summary>
    private static readonly Dictionary<string, string?> Patient = new()
    {
        ["Gateway__AttemptTimeout"] = "00:00:20",
        ["Gateway__TotalTimeout"] = "00:01:00",
        ["Messaging__Consumers__payment-orders__AckWait"] = "00:00:30",
        ["Messaging__Consumers__order-payments__AckWait"] = "00:00:30",
    };

    /// <summary>Messages that services which were told to stop had received and not begun.</summary>
    private int _handedBack;

    [Fact]
    public async Task Services_told_to_stop_finish_what_they_began_and_others_go_on()
    {
        await using var shop = await ChaosShop.StartAsync(postgres, Patient);

        for (var deployment = 0; deployment < 2; deployment++)
        {
            await shop.Load.MoreAsync(50);
            await shop.ReplacePaymentServiceAsync(TerminateAsync);
            await shop.Load.MoreAsync(50);
            await shop.ReplaceOrderServiceAsync(TerminateAsync);
        }

        shop.Healed();
        await shop.Load.MoreAsync(50);
        // Acknowledged before the end: what was handled is not delivered again, only what was handed back unhandled.
        Assert.InRange(await shop.Broker.RedeliveredAsync(), 0, _handedBack);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task A_rolling_deployment_of_two_replicas_fails_no_order()
    {
        await using var shop = await ChaosShop.StartAsync(postgres, Patient);
        await using var secondPayments = await shop.Shop.StartAsync("PaymentService");
        var secondOrders = await shop.Shop.StartAsync("OrderService");
        await Task.WhenAll(secondOrders.WaitHealthy(), secondPayments.WaitHealthy());
        await shop.Load.MoreAsync(50);

        // What a load balancer does: it sends no more to the replica that is about to stop.
        shop.OrderService = secondOrders;
        await shop.Load.MoreAsync(20);
        await shop.ReplaceOrderServiceAsync(TerminateAsync);
        await shop.ReplacePaymentServiceAsync(TerminateAsync);
        await shop.Shop.OrderService.WaitHealthy();
        shop.OrderService = null;
        await shop.Load.MoreAsync(20);
        await TerminateAsync(secondOrders);
        await secondOrders.DisposeAsync();
        await TerminateAsync(secondPayments);
        shop.Healed();
        await shop.Load.MoreAsync(50);

        Assert.Empty(shop.Load.Failures);
        Assert.InRange(await shop.Broker.RedeliveredAsync(), 0, _handedBack);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task A_replica_frozen_for_longer_than_AckWait_does_no_harm_when_it_wakes_up()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        await using var second = await shop.Shop.StartAsync("PaymentService");
        await second.WaitHealthy();
        shop.Gateway.Mood = GatewayMood.Slow;
        await shop.Load.MoreAsync(100);

        // Frozen with messages in its hands, which are delivered to the other one meanwhile; then it goes on with them.
        var frozen = shop.Shop.PaymentService;
        frozen.Pause();
        shop.Gateway.Mood = GatewayMood.Well;
        await Eventually.True("its messages are delivered again", async () => await shop.Broker.RedeliveredAsync() > 0);
        await shop.Load.MoreAsync(50);
        frozen.Continue();
        shop.Healed();
        await shop.Load.MoreAsync(50);

        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    private async Task TerminateAsync(ServiceProcess process)
    {
        var exitCode = await process.Terminate();
        Assert.True(exitCode == 0, $"ended with {exitCode}:\n{process.Output}");
        _handedBack += HandedBack().Matches(process.Output).Sum(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@" drained: [0-9]+ finished, ([0-9]+) handed back")]
    private static partial Regex HandedBack();
}
