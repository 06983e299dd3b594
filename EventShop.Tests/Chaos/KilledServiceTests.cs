using EventShop.Messaging.Testing;

namespace EventShop.Tests.Chaos;

/// <summary>kill -9 at every step that has something half done, one step after the other, while orders come in.</summary>
[Trait("Category", "Chaos")]
public sealed class KilledServiceTests(SharedPostgres postgres)
{
    private const int Sigkill = 128 + 9;

    [Fact]
    public async Task An_order_service_killed_at_each_step_of_its_work_loses_no_order_and_repeats_none()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        await KillAtEachAsync(shop, shop.ReplaceOrderServiceAsync,
            "outbox.before-commit:5", "outbox.after-commit:9", "relay.after-claim", "relay.after-publish:20", "consumer.before-ack:20");

        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task A_payment_service_killed_at_each_step_of_its_work_charges_no_card_twice_and_forgets_no_charge()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        await KillAtEachAsync(shop, shop.ReplacePaymentServiceAsync,
            "payment.before-charge:10", "payment.after-charge:10", "outbox.before-commit:5", "outbox.after-commit:5", "relay.after-claim",
            "relay.after-publish:20", "consumer.before-ack:20");

        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task A_gateway_killed_around_its_capture_is_asked_again_with_the_same_key()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);

        await KillAtEachAsync(shop, shop.ReplaceGatewayAsync, "gateway.before-capture:10", "gateway.after-capture:10");

        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    private static async Task KillAtEachAsync(
        ChaosShop shop, Func<Func<ServiceProcess, Task>, string?, Task> replace, params string[] failPoints)
    {
        await shop.Load.MoreAsync(20);
        Func<ServiceProcess, Task> end = process => process.Kill();
        foreach (var failPoint in failPoints)
        {
            await replace(end, failPoint);
            end = async process =>
            {
                try
                {
                    Assert.Equal(Sigkill, await process.Exited());
                }
                catch (TimeoutException)
                {
                    Assert.Fail($"never came to {failPoint}:\n{process.Output}");
                }
            };
        }

        await replace(end, null);
        shop.Healed();
        await shop.Load.MoreAsync(20);
    }
}
