using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.Messaging.Testing;
using EventShop.Tests.Chaos;
using EventShop.Tests.Telemetry;
using NATS.Client.Core;

namespace EventShop.Tests.Shop;

/// <summary>Outcomes that are not an order's own, and orders that are not the shop's: refused and told, and nothing changes.</summary>
public sealed class ForeignOutcomeTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    [Fact]
    public async Task A_payment_that_is_not_the_orders_own_is_a_dead_letter_and_the_order_goes_on_waiting()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();

        const string price = "its amount or currency is not the order's";
        const string source = "its source is not /PaymentService";
        await RefusedAsync(shop.OrderService, shop,
        [
            Of(price, PaymentEvents.Source, new PaymentSucceeded(id, "ch_1", 0.01m, "EUR", Now)),
            Of(price, PaymentEvents.Source, new PaymentSucceeded(id, "ch_1", 44.81m, "EUR", Now)),
            Of(price, PaymentEvents.Source, new PaymentSucceeded(id, "ch_1", -44.80m, "EUR", Now)),
            Of(price, PaymentEvents.Source, new PaymentSucceeded(id, "ch_1", 44.80m, "USD", Now)),
            Of(price, PaymentEvents.Source, new PaymentSucceeded(id, "ch_1", 44.80m, "eur", Now)),
            Of("there is no order of its orderId", PaymentEvents.Source, new PaymentSucceeded(Guid.CreateVersion7(), "ch_1", 44.80m, "EUR", Now)),
            Of(source, "/elsewhere", new PaymentSucceeded(id, "ch_1", 44.80m, "EUR", Now)),
            Of(source, OrderEvents.Source, new PaymentSucceeded(id, "ch_1", 44.80m, "EUR", Now)),
            Of(source, "/paymentservice", new PaymentSucceeded(id, "ch_1", 44.80m, "EUR", Now)),
            Of("header ce-source is missing: not a CloudEvent", null, new PaymentSucceeded(id, "ch_1", 44.80m, "EUR", Now)),
            Of("there is no order of its orderId", PaymentEvents.Source, new PaymentFailed(Guid.CreateVersion7(), "card_declined", Now)),
            Of(source, "/elsewhere", new PaymentFailed(id, "card_declined", Now)),
            Of(source, "/elsewhere", new PaymentRefunded(id, "re_1", 44.80m, "EUR", Now)),
        ]);

        Assert.Equal("Pending", await shop.StatusAsync(id));
        await shop.StartPaymentServiceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid", TracedShop.Patience);
        // An outcome that comes again changes nothing, and is no dead letter; another is one, also of an order that is paid.
        await PublishAsync(shop, Of("", PaymentEvents.Source, new PaymentSucceeded(id, "ch_1", 44.8m, "EUR", Now)));
        await RefusedAsync(shop.OrderService, shop, [Of(price, PaymentEvents.Source, new PaymentSucceeded(id, "ch_1", 45m, "EUR", Now))], already: 13);
        Assert.Equal("Paid", await shop.StatusAsync(id));
    }

    [Fact]
    public async Task A_refund_that_is_not_the_orders_own_is_a_dead_letter_and_the_cancellation_goes_on_waiting()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = await shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid", TracedShop.Patience);
        await shop.PaymentService.Kill();
        (await shop.OrderService.Client.PostAsync($"/orders/{id}/cancel", null, Cancelled)).EnsureSuccessStatusCode();

        const string price = "its amount or currency is not the order's";
        await RefusedAsync(shop.OrderService, shop,
        [
            Of(price, PaymentEvents.Source, new PaymentRefunded(id, "re_1", 4.48m, "EUR", Now)),
            Of(price, PaymentEvents.Source, new PaymentRefunded(id, "re_1", 44.80m, "CHF", Now)),
            Of("its source is not /PaymentService", "/elsewhere", new PaymentRefunded(id, "re_1", 44.80m, "EUR", Now)),
        ]);

        Assert.Equal("Cancelling", await shop.StatusAsync(id));
        await shop.StartPaymentServiceAsync();
        await Eventually.True("it is cancelled", async () => await shop.StatusAsync(id) == "Cancelled", TracedShop.Patience);
        Assert.Empty(await shop.CapturesAsync());
    }

    [Fact]
    public async Task An_order_that_the_order_service_did_not_announce_is_a_dead_letter_and_not_charged()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = Guid.CreateVersion7();

        const string source = "its source is not /OrderService";
        await RefusedAsync(shop.PaymentService, shop,
        [
            Of(source, "/elsewhere", new OrderCreated(id, "c", "EUR", 5m, "tok_ok", [new("SKU-2", 1, 5m)], Now)),
            Of("header ce-source is missing: not a CloudEvent", null, new OrderCreated(id, "c", "EUR", 5m, "tok_ok", [new("SKU-2", 1, 5m)], Now)),
            Of(source, "/elsewhere", new OrderCancelled(id, "EUR", 5m, "customer", false, Now)),
            Of(source, "/elsewhere", new OrderCancellationRequested(id, "EUR", 5m, "customer", Now)),
        ]);

        Assert.Empty(await shop.CapturesAsync());
        Assert.Equal(0L, await shop.PaymentsAsync("select count(*) from payments"));
    }

    /// <summary>Publishes messages, and sees each become a dead letter of a service for its reason, counted and logged.</summary>
    private static async Task RefusedAsync(ServiceProcess service, RunningShop shop, Foreign[] messages, int already = 0)
    {
        foreach (var message in messages)
            await PublishAsync(shop, message);

        var letters = await Eventually.Value("they are given up",
            async () => (await service.Client.GetFromJsonAsync<JsonElement>("/dead-letters", Cancelled)).EnumerateArray().ToArray(),
            letters => letters.Length == already + messages.Length, TracedShop.Patience);

        foreach (var message in messages)
        {
            var letter = letters.Single(letter => letter.GetProperty("eventId").GetString() == message.Id);
            Assert.Equal((message.Reason, 1), (letter.GetProperty("reason").GetString(), letter.GetProperty("attempts").GetInt32()));
            Assert.Contains($"goes to the dead letters after 1 attempts: {message.Reason}", service.Output, StringComparison.Ordinal);
        }
        var counted = (await BusyShop.MetricsAsync(service)).Split('\n')
            .Where(line => line.StartsWith("eventshop_dead_letters_total{", StringComparison.Ordinal))
            .Sum(line => double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
        Assert.Equal(already + messages.Length, counted);
    }

    private static async Task PublishAsync(RunningShop shop, Foreign message)
    {
        var headers = new NatsHeaders { ["ce-id"] = message.Id, ["ce-type"] = message.Type, ["ce-time"] = Now.ToString("O"), ["ce-specversion"] = "1.0" };
        if (message.Source is not null)
            headers["ce-source"] = message.Source;
        await using var broker = new Broker(shop.Nats.Url);
        var ack = await broker.JetStream.PublishAsync(message.Subject, message.Body, headers: headers, cancellationToken: Cancelled);
        Assert.Null(ack.Error);
    }

    private static Foreign Of<TEvent>(string reason, string? source, TEvent @event) where TEvent : IEvent<TEvent> => new(
        reason, source, Guid.CreateVersion7().ToString(), TEvent.Type, TEvent.Subject, JsonSerializer.SerializeToUtf8Bytes(@event, TEvent.Json));

    /// <param name="Reason">Why it is refused.</param>
    private sealed record Foreign(string Reason, string? Source, string Id, string Type, string Subject, byte[] Body);
}
