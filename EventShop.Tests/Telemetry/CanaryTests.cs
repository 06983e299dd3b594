using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Telemetry;

/// <summary>What customers send is for the database and the gateway, and not for those who read logs, spans and metrics.</summary>
public sealed class CanaryTests(SharedPostgres postgres)
{
    private const string Canary = "canary7f3a";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task What_is_planted_in_requests_and_messages_is_in_no_log_span_metric_or_dead_letter_reason(string inContainer)
    {
        await using var traced = await TracedShop.StartAsync(postgres, ("DOTNET_RUNNING_IN_CONTAINER", inContainer), ("Telemetry__DatabaseSpans", "true"));
        var shop = traced.Shop;
        var (orders, gateway) = (shop.OrderService.Client, shop.Gateway.Client);

        // Orders good and bad, and one whose gateway is down at first.
        await PostAsync(orders, "/orders", Order($"{Canary}-customer", "SKU-1", $"tok_{Canary}"));
        await PostAsync(orders, "/orders", Order($"{Canary}-customer", "SKU-1", $"tok_{Canary}"), key: $"{Canary}-key-2");
        await PostAsync(orders, "/orders", Order($"{Canary}-customer", "SKU-2", $"tok_{Canary}"));
        await PostAsync(orders, "/orders", Order($"{Canary} customer", $"SKU-{Canary}", $"tok {Canary}"));
        await PostAsync(orders, "/orders", $$"""{"customerId":"{{Canary}}","items":[{"sku":5{{Canary}}""");
        await shop.ChaosAsync(new { down = true });
        await PostAsync(orders, "/orders", Order($"{Canary}-customer", "SKU-1", "tok_ok"), key: $"{Canary}-key-3");
        await traced.SpanAsync("the failed charge", span => span.Name == "process orders.created" && span.Events.Count > 0);
        await shop.ChaosAsync(new { down = false });
        (await orders.GetAsync($"/orders?customerId={Canary}-customer", Cancelled)).Dispose();
        var charge = new { orderId = Guid.NewGuid(), amount = 10, currency = "EUR", paymentToken = $"tok_{Canary}" };
        await PostAsync(gateway, "/charges", JsonSerializer.Serialize(charge));
        await PostAsync(gateway, "/charges", JsonSerializer.Serialize(charge with { paymentToken = "tok_ok" }));
        await PostAsync(gateway, "/charges", JsonSerializer.Serialize(charge with { amount = 11, paymentToken = "tok_ok" }));

        // Messages that are no events.
        string[] bodies =
        [
            Canary, $"\"{Canary}\"", $$"""{"orderId":"{{Canary}}"}""", $$"""{"{{Canary}}":[}""", $$"""{"orderId":"{{Guid.NewGuid()}}","amount":"{{Canary}}"}""",
            $$"""{"amount":{"{{Canary}}":1} }""",
        ];
        await using var connection = new NatsConnection(new NatsOpts { Url = shop.Nats.Url });
        foreach (var body in bodies)
            await PublishAsync(connection, body, Event());
        await PublishAsync(connection, "{}", Event(type: Canary));
        await PublishAsync(connection, "{}", Event(source: Canary));
        await PublishAsync(connection, "{}", Event(id: Canary));
        var letters = await Eventually.Value("they are given up",
            () => orders.GetFromJsonAsync<JsonElement>("/dead-letters", Cancelled), letters => letters.GetArrayLength() == bodies.Length + 3, TracedShop.Patience);

        await shop.AllSettledAsync(TracedShop.Patience);
        var services = new[] { shop.OrderService, shop.PaymentService, shop.Gateway };
        var metrics = await Task.WhenAll(services.Select(BusyShop.MetricsAsync));
        foreach (var service in services)
            Assert.Equal(0, await service.Terminate());

        Assert.DoesNotContain(letters.EnumerateArray(), letter => Has(letter.GetProperty("reason").GetString()!));
        Assert.DoesNotContain(metrics, Has);
        Assert.DoesNotContain(services, service => Has(service.Output));
        var sent = traced.Receiver.Messages.Select(Encoding.UTF8.GetString).ToArray();
        Assert.Contains(sent, message => message.Contains("goes to the dead letters", StringComparison.Ordinal));
        Assert.Contains(sent, message => message.Contains("process payments.succeeded", StringComparison.Ordinal));
        Assert.Contains(sent, message => message.Contains("eventshop.dead_letters", StringComparison.Ordinal));
        var leak = sent.FirstOrDefault(Has);
        Assert.True(leak is null, $"exported: …{leak?[Math.Max(0, leak.IndexOf(Canary, StringComparison.OrdinalIgnoreCase) - 300)..]}");
    }

    private static NatsHeaders Event(string type = "eventshop.payments.succeeded.v1", string source = "/PaymentService", string? id = null) => new()
    {
        ["ce-specversion"] = "1.0",
        ["ce-id"] = id ?? Guid.NewGuid().ToString(),
        ["ce-source"] = source,
        ["ce-type"] = type,
    };

    private static bool Has(string text) => text.Contains(Canary, StringComparison.OrdinalIgnoreCase);

    private static string Order(string customerId, string sku, string paymentToken) =>
        JsonSerializer.Serialize(new { customerId, items = new[] { new { sku, quantity = 1 } }, paymentToken });

    /// <summary>Whatever the answer is.</summary>
    private static async Task PostAsync(HttpClient service, string path, string body, string key = $"{Canary}-key")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", key);
        request.Headers.Add("Authorization", $"Bearer {Canary}");
        request.Headers.Add("Cookie", $"session={Canary}");
        request.Headers.Add("X-Forwarded-For", Canary);
        request.Headers.Add("baggage", $"customer={Canary}");
        using var answer = await service.SendAsync(request, Cancelled);
    }

    private static async Task PublishAsync(NatsConnection connection, string body, NatsHeaders headers)
    {
        headers["ce-specversion"] = "1.0";
        headers["ce-source"] = Canary;
        headers["ce-time"] = TimeProvider.System.GetUtcNow().ToString("O");
        headers.TryAdd("ce-source", "/PaymentService");
        headers["x-planted"] = Canary;
        headers["baggage"] = $"customer={Canary}";
        await new NatsJSContext(connection).PublishAsync("payments.succeeded", Encoding.UTF8.GetBytes(body), headers: headers, cancellationToken: Cancelled);
    }
}
