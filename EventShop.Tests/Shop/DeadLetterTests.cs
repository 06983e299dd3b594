using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Shop;

/// <summary>What an operator can do with messages that were given up.</summary>
public sealed class DeadLetterTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_dead_letter_is_listed_inspected_redriven_under_its_own_event_id_and_discarded()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = Guid.NewGuid();
        await PublishAsync(shop, id, """{"orderId":"nonsense"}""");
        var orders = shop.OrderService.Client;

        var letter = (await Letters(orders, count: 1))[0];
        Assert.Equal(
            ("order-payments", "payments.succeeded", "PAYMENTS", id.ToString(), 1),
            (letter.GetProperty("consumer").GetString(), letter.GetProperty("subject").GetString(), letter.GetProperty("stream").GetString(),
                letter.GetProperty("eventId").GetString(), letter.GetProperty("attempts").GetInt32()));
        Assert.Contains("the body is not a eventshop.payments.succeeded.v1", letter.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Empty(await Letters(shop.PaymentService.Client, count: 0));

        var (letterId, sequence) = (letter.GetProperty("id").GetGuid(), letter.GetProperty("sequence").GetUInt64());
        var details = await orders.GetFromJsonAsync<JsonElement>($"/dead-letters/{letterId}", Cancelled);
        Assert.Equal("""{"orderId":"nonsense"}""", details.GetProperty("body").GetString());
        Assert.Equal(id.ToString(), details.GetProperty("headers").GetProperty("ce-id").GetString());

        // Redriven it fails again, so it is back, as another letter of the same event.
        Assert.Equal(HttpStatusCode.Accepted, (await orders.PostAsync($"/dead-letters/{letterId}/redrive", null, Cancelled)).StatusCode);
        await Eventually.True("it is back", async () =>
            await Letters(orders) is [var again] && again.GetProperty("sequence").GetUInt64() > sequence && again.GetProperty("id").GetGuid() == letterId && again.GetProperty("eventId").GetString() == id.ToString());

        Assert.Equal(HttpStatusCode.NoContent, (await orders.DeleteAsync($"/dead-letters/{letterId}", Cancelled)).StatusCode);
        Assert.Empty(await Letters(orders));
        Assert.Equal(HttpStatusCode.NotFound, (await orders.DeleteAsync($"/dead-letters/{letterId}", Cancelled)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await orders.GetAsync("/dead-letters?limit=0", Cancelled)).StatusCode);
    }

    [Fact]
    public async Task All_dead_letters_are_redriven_at_once_and_take_effect_once()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = await shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid");
        for (var n = 0; n < 3; n++)
            await PublishAsync(shop, Guid.NewGuid(), "{");
        await Letters(shop.OrderService.Client, count: 3);

        using var answer = await shop.OrderService.Client.PostAsync("/dead-letters/redrive", null, Cancelled);

        Assert.Equal(3, (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancelled)).GetProperty("redriven").GetInt32());
        await Letters(shop.OrderService.Client, count: 3);
        Assert.Equal("Paid", await shop.StatusAsync(id));
    }

    private static async Task PublishAsync(RunningShop shop, Guid id, string body)
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = shop.Nats.Url });
        var headers = new NatsHeaders
        {
            ["ce-specversion"] = "1.0",
            ["ce-id"] = id.ToString(),
            ["ce-source"] = "/PaymentService",
            ["ce-type"] = "eventshop.payments.succeeded.v1",
        };
        var ack = await new NatsJSContext(connection).PublishAsync(
            "payments.succeeded", System.Text.Encoding.UTF8.GetBytes(body), headers: headers, cancellationToken: Cancelled);
        Assert.Null(ack.Error);
    }

    private static async Task<JsonElement[]> Letters(HttpClient service, int count)
    {
        await Eventually.True($"there are {count} dead letters", async () => (await Letters(service)).Length == count);
        return await Letters(service);
    }

    private static async Task<JsonElement[]> Letters(HttpClient service) =>
        [.. (await service.GetFromJsonAsync<JsonElement>("/dead-letters", Cancelled)).EnumerateArray()];
}
