using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;
using EventShop.Tests.Telemetry;

namespace EventShop.Tests.Shop;

/// <summary>What an operator sees of events that the broker refuses, and can do with them.</summary>
public sealed class ParkedEventTests(SharedPostgres postgres)
{
    /// <summary>Enough for a small order, not for one of fifty lines.</summary>
    private const string Small = "max_payload: 2KB";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_parked_event_is_told_by_health_and_metrics_listed_shown_masked_and_sent_again()
    {
        await using var shop = await RunningShop.StartAsync(postgres, await NatsServer.StartAsync(Small), new Dictionary<string, string?>());
        var service = shop.OrderService.Client;

        var large = await PlaceLargeAsync(service);
        var small = await shop.PlaceAsync();
        await Eventually.True("the small order is paid", async () => await shop.StatusAsync(small) == "Paid");
        var parked = Assert.Single(await ListAsync(service, count: 1));

        Assert.Equal(
            (large, large, "eventshop.orders.created.v1", "orders.created"),
            (parked.GetProperty("id").GetGuid(), parked.GetProperty("key").GetGuid(), parked.GetProperty("type").GetString(), parked.GetProperty("subject").GetString()));
        Assert.Contains("maximum payload", parked.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.InRange(parked.GetProperty("parkedAt").GetDateTimeOffset(), parked.GetProperty("time").GetDateTimeOffset(), parked.GetProperty("nextAttemptAt").GetDateTimeOffset());
        Assert.Empty(await ListAsync(shop.PaymentService.Client));
        await Eventually.True("the metric says so", async () =>
            (await BusyShop.MetricsAsync(shop.OrderService)).Split('\n').Any(line => line.StartsWith("eventshop_outbox_parked{", StringComparison.Ordinal) && line.EndsWith(" 1", StringComparison.Ordinal)));
        using (var health = await service.GetAsync("/health", Cancelled))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
            var outbox = (await health.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("checks").GetProperty("outbox");
            Assert.Equal("Unhealthy", outbox.GetProperty("status").GetString());
            Assert.Matches("1 parked since .*maximum payload", outbox.GetProperty("description").GetString());
        }

        var details = await service.GetFromJsonAsync<JsonElement>($"/parked-events/{large}", Cancelled);
        Assert.Equal(large.ToString(), details.GetProperty("headers").GetProperty("ce-id").GetString());
        var body = JsonElement.Parse(details.GetProperty("body").GetString()!);
        Assert.Equal(
            (large, "***", "***", 50),
            (body.GetProperty("orderId").GetGuid(), body.GetProperty("paymentToken").GetString(), body.GetProperty("customerId").GetString(),
                body.GetProperty("items").GetArrayLength()));
        Assert.DoesNotContain("tok_ok", details.GetRawText(), StringComparison.Ordinal);

        // Sent again it is refused again.
        using (var resent = await service.PostAsync($"/parked-events/{large}/resend", null, Cancelled))
            Assert.Equal(HttpStatusCode.Accepted, resent.StatusCode);
        await Eventually.True("it was tried once more", async () =>
            (await ListAsync(service, count: 1))[0].GetProperty("attempts").GetInt32() > parked.GetProperty("attempts").GetInt32());

        // Until its cause is gone.
        shop.Nats.Config = "";
        await shop.Nats.RestartAsync();
        await Eventually.True("all are sent again", async () =>
        {
            using var resent = await service.PostAsync("/parked-events/resend", null, Cancelled);
            return (await resent.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("resent").GetInt32() == 0;
        });
        await Eventually.True("the large order is paid", async () => await shop.StatusAsync(large) == "Paid");
        await shop.OrderService.WaitHealthy();
    }

    [Fact]
    public async Task A_discarded_event_is_never_sent_and_what_is_known_of_it_is_kept()
    {
        await using var shop = await RunningShop.StartAsync(
            postgres, await NatsServer.StartAsync(Small), new Dictionary<string, string?> { ["Reconciliation__PendingAfter"] = "00:00:01", ["Reconciliation__Interval"] = "00:00:01" });
        var service = shop.OrderService.Client;
        var id = await PlaceLargeAsync(service);
        await ListAsync(service, count: 1);

        Assert.Equal(HttpStatusCode.NoContent, await DeleteAsync($"/parked-events/{id}?reason=the%20customer%20has%20called"));
        Assert.Equal(HttpStatusCode.NotFound, await DeleteAsync($"/parked-events/{id}"));
        Assert.Equal(HttpStatusCode.BadRequest, await DeleteAsync($"/parked-events/{id}?reason={new string('x', 501)}"));

        Assert.Empty(await ListAsync(service));
        var discarded = Assert.Single((await service.GetFromJsonAsync<JsonElement>("/parked-events?discarded=true", Cancelled)).EnumerateArray());
        Assert.Equal((id, "the customer has called"), (discarded.GetProperty("id").GetGuid(), discarded.GetProperty("discardReason").GetString()));
        Assert.Contains("maximum payload", discarded.GetProperty("reason").GetString(), StringComparison.Ordinal);
        await shop.OrderService.WaitHealthy();
        Assert.Contains("is discarded by an operator and never sent: the customer has called", shop.OrderService.Output, StringComparison.Ordinal);

        // The order goes on waiting, and is announced again, but not by this event.
        var announced = Announced();
        await Eventually.True("it is announced again", () => Announced() > announced + 1);
        Assert.Equal(0, await shop.OrdersAsync("select count(*) from outbox_unsent"));
        using (var resent = await service.PostAsync($"/parked-events/{id}/resend", null, Cancelled))
            Assert.Equal(HttpStatusCode.NotFound, resent.StatusCode);
        var details = await service.GetFromJsonAsync<JsonElement>($"/parked-events/{id}", Cancelled);
        Assert.Equal("the customer has called", details.GetProperty("event").GetProperty("discardReason").GetString());

        int Announced() => shop.OrderService.Output.Split("are announced again").Length;

        async Task<HttpStatusCode> DeleteAsync(string path)
        {
            using var answer = await service.DeleteAsync(path, Cancelled);
            return answer.StatusCode;
        }
    }

    private static async Task<Guid> PlaceLargeAsync(HttpClient service)
    {
        using var answer = await service.PostAsJsonAsync("/orders", new
        {
            customerId = "c-42",
            items = Enumerable.Repeat(new { sku = "SKU-1", quantity = 1 }, 50),
            paymentToken = "tok_ok",
        }, Cancelled);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("id").GetGuid();
    }

    private static Task<JsonElement[]> ListAsync(HttpClient service, int count) =>
        Eventually.Value($"{count} events are parked", () => ListAsync(service), events => events.Length == count);

    private static async Task<JsonElement[]> ListAsync(HttpClient service) =>
        [.. (await service.GetFromJsonAsync<JsonElement>("/parked-events", Cancelled)).EnumerateArray()];
}
