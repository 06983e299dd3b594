using System.Text.RegularExpressions;
using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Telemetry;

/// <summary>A shop in which everything has happened once that has a metric of its own; for all tests of a class.</summary>
public sealed partial class BusyShop(SharedPostgres postgres) : IAsyncLifetime
{
    public const string UnknownType = "nobody.knows.v1";

    public RunningShop Shop { get; private set; } = null!;

    public IReadOnlyList<ServiceProcess> Services => [Shop.OrderService, Shop.PaymentService, Shop.Gateway];

    public async ValueTask InitializeAsync()
    {
        Shop = await RunningShop.StartAsync(postgres);
        var paid = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Shop.PlaceAsync()));
        var declined = await Shop.PlaceAsync("tok_declined");
        await Shop.AllSettledAsync(TracedShop.Patience);
        (await Shop.OrderService.Client.PostAsync($"/orders/{paid[0]}/cancel", null)).Dispose();
        await Shop.CancellationsAnsweredAsync(TracedShop.Patience);
        Assert.Equal("Declined", await Shop.StatusAsync(declined));
        await PoisonAsync();
        await Eventually.True("the poison is given up, and the broker was asked for the lag", async () =>
            (await MetricsAsync(Shop.OrderService)) is var orders && DeadLetter().IsMatch(orders) && orders.Contains("eventshop_consumer_lag{")
            && (await MetricsAsync(Shop.PaymentService)) is var payments && payments.Contains("eventshop_consumer_lag{")
            && payments.Contains("eventshop_dead_letters_open{"), TracedShop.Patience);
    }

    public ValueTask DisposeAsync() => Shop.DisposeAsync();

    /// <summary>What anybody may send: it is no event, and its type must not become a label.</summary>
    private async Task PoisonAsync()
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = Shop.Nats.Url });
        var headers = new NatsHeaders
        {
            ["ce-specversion"] = "1.0",
            ["ce-id"] = Guid.NewGuid().ToString(),
            ["ce-type"] = UnknownType,
            ["ce-source"] = "/PaymentService",
            ["ce-time"] = TimeProvider.System.GetUtcNow().ToString("O"),
        };
        await new NatsJSContext(connection).PublishAsync("payments.succeeded", "{}"u8.ToArray(), headers: headers);
    }

    /// <summary>What a service shows to Prometheus.</summary>
    public static Task<string> MetricsAsync(ServiceProcess service) => service.Client.GetStringAsync("/metrics");

    [GeneratedRegex("""eventshop_dead_letters_open{.*"order-payments".*} 1""")]
    private static partial Regex DeadLetter();
}
