using System.Text;
using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Telemetry;

/// <summary>Each alert fires when its trouble is caused in a running shop that a running Prometheus watches, and not before.</summary>
[Trait("Category", "Chaos")]
public sealed class AlertTests(SharedPostgres postgres)
{
    /// <summary>Longer than any expression waits; the rules' <c>for</c> is cut to a second.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_alert_fires_when_its_trouble_is_caused_and_none_while_all_is_well()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("Messaging__Consumers__payment-orders__MaxAttempts", "1000"));
        await using var prometheus = await PrometheusServer.StartHastyAsync(
            [.. new[] { shop.OrderService, shop.PaymentService, shop.Gateway }.Select(service => service.BaseAddress)]);
        await Eventually.True("all are scraped", async () => (await prometheus.QueryAsync("up == 1")).Length == 3, Patience);
        await PlaceAsync(shop, 20);
        await shop.AllSettledAsync(Patience);
        await Eventually.True("the orders are seen to be paid", async () =>
            (await prometheus.QueryAsync("""sum(eventshop_orders_total{eventshop_order_status="Paid"}) == 20""")).Length == 1, Patience);
        // A check that took longer than its second on a busy machine is over within ten: with the rules' own `for` it would be nothing.
        await Eventually.Value("no alert fires", () => FiringAsync(prometheus), firing => firing.Count == 0, Patience);

        // From here on, as far as this Prometheus knows, no order was ever settled.
        await using var watching = await PrometheusServer.StartHastyAsync(
            [.. new[] { shop.OrderService, shop.PaymentService, shop.Gateway }.Select(service => service.BaseAddress)]);
        await Eventually.True("all are scraped", async () => (await watching.QueryAsync("up == 1")).Length == 3, Patience);
        await shop.ChaosAsync(new { down = true });
        await PlaceAsync(shop, 1_400);
        await FiresAsync(watching, "GatewayCircuitIsOpen", "ConsumerLags", "OrdersAreNotSettled", "PaymentsWait");

        await shop.ChaosAsync(new { down = false });
        await shop.AllSettledAsync(Patience);
        await FiresAsync(watching, "OrdersAreSettledSlowly");
        await Eventually.True("the gateway's alerts are over", async () =>
            !(await FiringAsync(watching)).Intersect(["GatewayCircuitIsOpen", "PaymentsWait", "ConsumerLags"]).Any(), Patience);

        await PublishPoisonAsync(shop);
        await FiresAsync(watching, "MessagesAreGivenUp");

        // What no handler and no endpoint foresees.
        await shop.ExecutePaymentsAsync("alter table payments rename column amount to elsewhere");
        await PlaceAsync(shop, 100);
        await FiresAsync(watching, "MessagesAreRetried");
        await shop.ExecutePaymentsAsync("alter table payments rename column elsewhere to amount");
        await shop.AllSettledAsync(Patience);

        await shop.ExecuteOrdersAsync("alter table orders rename column total to elsewhere");
        await Eventually.True("requests fail enough for RequestsFail", async () =>
        {
            // Again each time: failures that are all there at the first scrape are no rate.
            await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
                (await shop.OrderService.Client.GetAsync($"/orders/{Guid.NewGuid()}", Cancelled)).Dispose()));
            return (await FiringAsync(watching)).Contains("RequestsFail");
        }, Patience);
        await shop.ExecuteOrdersAsync("alter table orders rename column elsewhere to total");

        await shop.ExecuteOrdersAsync("""
            with event as (
              insert into outbox (id, key, type, subject, time, payload)
              values (gen_random_uuid(), gen_random_uuid(), 'nobody.wants.v1', 'nobody.wants', now(), '{}') returning id)
            insert into outbox_unsent (id, due_at) select id, now() from event
            """);
        await FiresAsync(watching, "EventsAreParked");

        shop.Nats.Kill();
        await PlaceAsync(shop, 1);
        await FiresAsync(watching, "OutboxIsStuck", "ServiceUnhealthy");

        await shop.Gateway.Kill();
        await FiresAsync(watching, "ServiceDown");
    }

    private static async Task PlaceAsync(RunningShop shop, int count)
    {
        var left = count;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
                await shop.PlaceAsync();
        }));
    }

    private static async Task PublishPoisonAsync(RunningShop shop)
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = shop.Nats.Url });
        await new NatsJSContext(connection).PublishAsync("payments.succeeded", Encoding.UTF8.GetBytes("{"), cancellationToken: Cancelled);
    }

    private static async Task FiresAsync(PrometheusServer prometheus, params string[] alerts) => await Eventually.Value(
        string.Join(", ", alerts), () => FiringAsync(prometheus), firing => alerts.All(firing.Contains), Patience);

    private static async Task<Firing> FiringAsync(PrometheusServer prometheus) => [.. (await prometheus.GetAsync("/api/v1/alerts")).GetProperty("alerts")
        .EnumerateArray().Where(alert => alert.GetProperty("state").GetString() == "firing")
        .Select(alert => alert.GetProperty("labels").GetProperty("alertname").GetString()!)];

    /// <summary>Names of alerts, as text when a wait for others was in vain.</summary>
    private sealed class Firing : List<string>
    {
        public override string ToString() => $"firing: {string.Join(", ", this)}";
    }
}
