using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>G5: the broker may lose everything it acknowledged; orders are then late, not lost.</summary>
public sealed class ReconciliationTests(SharedPostgres postgres)
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
    public async Task Orders_that_wait_but_not_for_too_long_are_not_read_to_find_those_that_do()
    {
        const int waiting = 20_000;
        await using var shop = await RunningShop.StartAsync(postgres, ("Reconciliation__Interval", "00:00:01"), ("Expiry__Interval", "00:00:01"));
        await shop.PaymentService.Kill();
        await shop.ExecuteOrdersAsync($"""
            insert into orders (id, customer_id, status, currency, total, items, history, created_at)
            select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid,
                   'c-42', 'Pending', 'EUR', 1, '[]', '[]', now()
            from generate_series(1, {waiting}) n
            """);

        // Both look for theirs once a second, each in one scan of a table or an index.
        const string counted = "from pg_stat_user_tables t where relname = 'orders'";
        var before = await shop.OrdersAsync($"select coalesce(seq_scan, 0) + coalesce(idx_scan, 0) {counted}");
        var readBefore = await ReadAsync();
        await Eventually.True("they have looked five times", async () =>
            await shop.OrdersAsync($"select coalesce(seq_scan, 0) + coalesce(idx_scan, 0) {counted}") >= before + 10);
        Assert.InRange(await ReadAsync() - readBefore, 0, waiting / 2);

        Task<long> ReadAsync() => shop.OrdersAsync(
            $"select coalesce(seq_tup_read, 0)::bigint + (select sum(idx_tup_read)::bigint from pg_stat_user_indexes i where i.relid = t.relid) {counted}");
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
