using EventShop.Tests.Servers;

namespace EventShop.Tests.Shop;

/// <summary>G5: the broker may lose everything it acknowledged; orders are then late, not lost.</summary>
public sealed class ReconciliationTests(PostgresServer postgres)
{
    private static readonly (string, string)[] Soon = [("Reconciliation__PendingAfter", "00:00:02"), ("Reconciliation__Interval", "00:00:01")];

    [Fact]
    public async Task Orders_whose_announcement_the_broker_lost_are_announced_again()
    {
        await using var shop = await RunningShop.StartAsync(postgres, Soon);
        await shop.PaymentService.Kill();
        var orders = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => shop.PlaceAsync()));
        await Eventually.True("all are announced", async () => await shop.OrdersAsync("select count(*) from outbox_unsent") == 0);

        await shop.Nats.RestartEmptyAsync();
        await shop.StartPaymentServiceAsync();

        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        var captures = await shop.CapturesAsync();
        Assert.Equal(orders.Order(), captures.Keys.Order());
        Assert.All(captures.Values, captured => Assert.Equal(1, captured));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task Outcomes_that_the_broker_lost_are_told_again_and_nothing_is_charged_again()
    {
        await using var shop = await RunningShop.StartAsync(postgres, Soon);
        var orders = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => shop.PlaceAsync()));
        await shop.OrderService.Kill();
        await Eventually.True("all that were announced are charged", async () =>
            await shop.PaymentsAsync("select count(*) from payments where state = 'Captured'") == await shop.PaymentsAsync("select count(*) from payments")
            && await shop.PaymentsAsync("select count(*) from outbox_unsent") == 0);

        await shop.Nats.RestartEmptyAsync();
        await shop.StartOrderServiceAsync();

        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        var captures = await shop.CapturesAsync();
        Assert.Equal(orders.Order(), captures.Keys.Order());
        Assert.All(captures.Values, captured => Assert.Equal(1, captured));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task A_charge_whose_answer_was_lost_is_looked_up_and_not_made_again()
    {
        await using var shop = await RunningShop.StartAsync(postgres);

        var id = await shop.PlaceAsync("tok_lost_reply");

        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid", TimeSpan.FromSeconds(60));
        Assert.Equal(1, (await shop.CapturesAsync())[id]);
        await shop.AssertIdleAsync();
    }
}
