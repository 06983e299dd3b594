using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>An exception that nobody foresaw ends neither a background loop nor the service.</summary>
public sealed class SupervisionTests(SharedPostgres postgres)
{
    [Fact]
    public async Task An_order_that_cannot_be_read_does_not_keep_others_from_expiring_nor_end_the_service()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("Expiry__PendingLimit", "00:00:02"), ("Expiry__Interval", "00:00:01"));
        await shop.PaymentService.Kill();
        var damaged = await shop.PlaceAsync();
        await shop.ExecuteOrdersAsync($"update orders set history = '{{}}' where id = '{damaged}'");
        var other = await shop.PlaceAsync();

        await Eventually.True("the failure is logged", () => shop.OrderService.Output.Contains("expiry of orders failed unexpectedly", StringComparison.Ordinal));
        await Eventually.True("the other has expired", async () => await shop.StatusAsync(other) == "Cancelled");
        var logged = shop.OrderService.Output.Split('\n').Count(line => line.Contains("expiry of orders failed", StringComparison.Ordinal));

        Assert.False(shop.OrderService.HasExited);
        Assert.Equal(1, logged);
        Assert.Contains("System.Text.Json.JsonException", shop.OrderService.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_payment_that_cannot_be_read_does_not_end_the_search_for_late_charges_nor_the_service()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("Gateway__LookAgainAfter", "00:00:01"));
        var damaged = await shop.PlaceAsync();
        var other = await shop.PlaceAsync();
        await shop.AllSettledAsync();
        await shop.ExecutePaymentsAsync($"""
            update payments set attempts = '{"{}"}', look_again_at = now() where order_id = '{damaged}';
            update payments set look_again_at = now() where order_id = '{other}'
            """);

        await Eventually.True("the failure is logged", () => shop.PaymentService.Output.Contains("search for late charges failed unexpectedly", StringComparison.Ordinal));
        await Eventually.True("the other is looked up", async () =>
            await shop.PaymentsAsync($"select count(*) from payments where order_id = '{other}' and look_again_at is null") == 1);

        Assert.False(shop.PaymentService.HasExited);
    }
}
