using System.Net;
using System.Text.Json;
using EventShop.Messaging.Testing;
using Npgsql;

namespace EventShop.Tests.Shop;

/// <summary>What does not get through is told by <c>/health</c>, also where only a part of a dependency is in trouble; and no requests are sent elsewhere for it.</summary>
[Trait("Category", "Chaos")]
public sealed class StandstillTests(SharedPostgres postgres)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_single_table_in_which_nothing_can_be_written_is_told_by_whoever_stands_still_for_it()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        Guid order;
        await using (await LockAsync(shop.PaymentsDatabase, "payments"))
        await using (await LockAsync(shop.OrdersDatabase, "idempotency_keys"))
        {
            order = await shop.PlaceAsync();
            await Eventually.True("requests are refused, and it is told", async () =>
            {
                using var refused = await PlaceOnceAsync(shop);
                Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
                return (await HealthAsync(shop.OrderService, "requests")).StartsWith("Unhealthy: requests are refused: ", StringComparison.Ordinal);
            }, Patience);
            await Eventually.Value("its consumer stands still, and it is told", () => HealthAsync(shop.PaymentService, "consumers"),
                health => health.StartsWith("Unhealthy: payment-orders: 1 messages in hand, none finished for ", StringComparison.Ordinal), Patience);
            foreach (var service in new[] { shop.OrderService, shop.PaymentService })
                Assert.Equal(HttpStatusCode.OK, (await service.Client.GetAsync("/ready", Cancelled)).StatusCode);
        }

        await Eventually.True("the order is paid", async () => await shop.StatusAsync(order) == "Paid", Patience);
        await Eventually.Value("requests get through", () => HealthAsync(shop.OrderService, "requests"), health => health == "Healthy: ", Patience);
        await Eventually.Value("the consumer goes on", () => HealthAsync(shop.PaymentService, "consumers"), health => health == "Healthy: ", Patience);
    }

    /// <summary>With an idempotency key, whose table it needs.</summary>
    private static async Task<HttpResponseMessage> PlaceOnceAsync(RunningShop shop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders")
        {
            Headers = { { "Idempotency-Key", Guid.NewGuid().ToString() } },
            Content = new StringContent(
                """{"customerId":"c-1","items":[{"sku":"SKU-1","quantity":1}],"paymentToken":"tok_ok"}""", System.Text.Encoding.UTF8, "application/json"),
        };
        return await shop.OrderService.Client.SendAsync(request, Cancelled);
    }

    /// <returns>Holds the lock until it is disposed of.</returns>
    private static async Task<NpgsqlConnection> LockAsync(string database, string table)
    {
        var connection = new NpgsqlConnection(database);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand($"begin; lock table {table} in access exclusive mode", connection);
        await command.ExecuteNonQueryAsync(Cancelled);
        return connection;
    }

    private static async Task<string> HealthAsync(ServiceProcess service, string check)
    {
        using var answer = await service.Client.GetAsync("/health", Cancelled);
        var entry = JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancelled)).GetProperty("checks").GetProperty(check);
        return $"{entry.GetProperty("status").GetString()}: {(entry.TryGetProperty("description", out var text) ? text.GetString() : "")}";
    }
}
