using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;
using EventShop.Tests.Telemetry;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Shop;

/// <summary>A dead letter alarms until its order is settled by other means.</summary>
public sealed class ObsoleteDeadLetterTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dead_letter_of_either_service_is_obsolete_once_its_order_is_settled_and_alarms_no_more()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await shop.PaymentService.Terminate();
        var order = await shop.PlaceAsync();
        await PublishAsync(shop, "payments.succeeded", "eventshop.payments.succeeded.v1", order.ToString());
        await PublishAsync(shop, "payments.failed", "eventshop.payments.failed.v1", order.ToString());
        await PublishAsync(shop, "payments.succeeded", "eventshop.payments.succeeded.v1", null);
        await PublishAsync(shop, "orders.created", "eventshop.orders.created.v1", order.ToString());
        await OpenAsync(shop.OrderService, "order-payments", 3);
        Assert.All(await LettersAsync(shop.OrderService), letter => Assert.Equal(JsonValueKind.Null, letter.GetProperty("obsoleteSince").ValueKind));
        var (status, check) = await HealthAsync(shop.OrderService);
        Assert.Equal((HttpStatusCode.OK, "Degraded"), (status, check.GetProperty("status").GetString()));
        Assert.Matches("3 to be looked at, the oldest since 20.*: order-payments: ", check.GetProperty("description").GetString());

        // The payment service finds poison of its own among the orders, and pays this one by its true event.
        await shop.StartPaymentServiceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(order) == "Paid");

        // One contradicts the order, one is about none: these two matter still.
        await OpenAsync(shop.OrderService, "order-payments", 2);
        var letters = await LettersAsync(shop.OrderService);
        Assert.Equal(
            [("payments.succeeded", $"order {order} is Paid"), ("payments.failed", null), ("payments.succeeded", null)],
            letters.Select(letter => (letter.GetProperty("subject").GetString(), letter.GetProperty("obsoleteReason").GetString())));
        Assert.InRange(letters[0].GetProperty("obsoleteSince").GetDateTimeOffset(), letters[0].GetProperty("givenUpAt").GetDateTimeOffset(), TimeProvider.System.GetUtcNow());
        Assert.Contains($"dead letter {letters[0].GetProperty("id")} is obsolete", shop.OrderService.Output, StringComparison.Ordinal);
        await OpenAsync(shop.PaymentService, "payment-orders", 0);
        Assert.Equal($"the payment of order {order} is Captured", Assert.Single(await LettersAsync(shop.PaymentService)).GetProperty("obsoleteReason").GetString());
        Assert.Equal("Healthy", (await HealthAsync(shop.PaymentService)).Check.GetProperty("status").GetString());

        // What is obsolete is left alone when all are redriven, is known to the next process, and goes when it is discarded.
        using (var redriven = await shop.OrderService.Client.PostAsync("/dead-letters/redrive", null, Cancelled))
            Assert.Equal(2, (await redriven.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("redriven").GetInt32());
        await shop.OrderService.Terminate();
        await shop.StartOrderServiceAsync();
        await OpenAsync(shop.OrderService, "order-payments", 2);
        Assert.Equal(order.ToString(), Assert.Single(await LettersAsync(shop.OrderService), letter => letter.GetProperty("obsoleteReason").GetString() is not null).GetProperty("key").GetString());
        foreach (var letter in await LettersAsync(shop.OrderService))
            (await shop.OrderService.Client.DeleteAsync($"/dead-letters/{letter.GetProperty("id")}", Cancelled)).Dispose();
        await OpenAsync(shop.OrderService, "order-payments", 0);
        await Eventually.True("it is healthy", async () => (await HealthAsync(shop.OrderService)).Check.GetProperty("status").GetString() == "Healthy");
        await Eventually.True("nothing is remembered of them", async () => await shop.OrdersAsync("select count(*) from dead_letters_obsolete") == 0);
    }

    private static async Task PublishAsync(RunningShop shop, string subject, string type, string? about)
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = shop.Nats.Url });
        var headers = new NatsHeaders
        {
            ["ce-specversion"] = "1.0",
            ["ce-id"] = Guid.NewGuid().ToString(),
            ["ce-type"] = type,
            ["ce-source"] = subject.StartsWith("orders", StringComparison.Ordinal) ? "/OrderService" : "/PaymentService",
        };
        if (about is not null)
            headers["ce-subject"] = about;
        var ack = await new NatsJSContext(connection).PublishAsync(subject, Encoding.UTF8.GetBytes("{"), headers: headers, cancellationToken: Cancelled);
        Assert.Null(ack.Error);
    }

    /// <summary>Waits until the metric that the alert is made of says so.</summary>
    private static Task OpenAsync(ServiceProcess service, string consumer, int count) => Eventually.True($"{count} dead letters are open", async () =>
        (await BusyShop.MetricsAsync(service)).Split('\n').Any(line =>
            line.StartsWith("eventshop_dead_letters_open{", StringComparison.Ordinal) && line.Contains($"\"{consumer}\"", StringComparison.Ordinal)
            && line.EndsWith($" {count}", StringComparison.Ordinal)), TimeSpan.FromSeconds(40));

    private static async Task<(HttpStatusCode Status, JsonElement Check)> HealthAsync(ServiceProcess service)
    {
        using var answer = await service.Client.GetAsync("/health", Cancelled);
        return (answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("checks").GetProperty("dead-letters"));
    }

    /// <summary>In the order of their messages: workers give them up side by side.</summary>
    private static async Task<JsonElement[]> LettersAsync(ServiceProcess service) =>
        [.. (await service.Client.GetFromJsonAsync<JsonElement>("/dead-letters", Cancelled)).EnumerateArray().OrderBy(letter => letter.GetProperty("streamSequence").GetUInt64())];
}
