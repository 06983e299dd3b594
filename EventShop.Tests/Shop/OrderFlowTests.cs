using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

public sealed class OrderFlowTests(SharedPostgres postgres)
{
    [Fact]
    public async Task An_order_is_priced_by_the_catalogue_charged_and_paid_and_its_history_is_one_trace()
    {
        await using var shop = await RunningShop.StartAsync(postgres);

        using var response = await shop.PostAsync(JsonContent.Create(new
        {
            customerId = "c-42",
            items = new object[] { new { sku = "SKU-1", quantity = 2 }, new { sku = "SKU-2", quantity = 1 } },
            paymentToken = "tok_ok",
        }));

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        var placed = await response.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        var id = placed.GetProperty("id").GetGuid();
        Assert.Equal($"/orders/{id}", response.Headers.Location?.ToString());
        Assert.Equal(
            ("c-42", "Pending", "EUR", 44.80m, 19.90m),
            (placed.GetProperty("customerId").GetString(), placed.GetProperty("status").GetString(), placed.GetProperty("currency").GetString(),
                placed.GetProperty("total").GetDecimal(), placed.GetProperty("items")[0].GetProperty("unitPrice").GetDecimal()));

        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid");
        var history = (await shop.OrderAsync(id)).GetProperty("history").EnumerateArray().ToArray();
        Assert.Equal(["created", "paid"], history.Select(entry => entry.GetProperty("event").GetString()));
        Assert.Matches("^[0-9a-f]{32}$", history[0].GetProperty("traceId").GetString());
        Assert.Equal(history[0].GetProperty("traceId").GetString(), history[1].GetProperty("traceId").GetString());
        Assert.True(history[0].GetProperty("at").GetDateTimeOffset() < history[1].GetProperty("at").GetDateTimeOffset());
        Assert.Equal(1, (await shop.CapturesAsync())[id]);
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task A_card_that_is_declined_declines_its_order_and_captures_nothing()
    {
        await using var shop = await RunningShop.StartAsync(postgres);

        var declined = await shop.PlaceAsync("tok_declined");
        var unknown = await shop.PlaceAsync("tok_nobody_knows");

        await shop.AllSettledAsync();
        Assert.Equal(("Declined", "Declined"), (await shop.StatusAsync(declined), await shop.StatusAsync(unknown)));
        Assert.Empty(await shop.CapturesAsync());
        await shop.AssertIdleAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_thousand_orders_of_sixteen_clients_are_settled_once_even_when_the_payment_service_is_killed(bool kill)
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var orders = new ConcurrentDictionary<Guid, string>();

        var placing = Parallel.ForAsync(0, 1000, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            var token = i % 10 == 0 ? "tok_declined" : "tok_ok";
            orders[await shop.PlaceAsync(token)] = token;
        });
        if (kill)
        {
            await Eventually.True("some are paid", async () => await shop.PaymentsAsync("select count(*) from payments where state = 'Captured'") > 50);
            await shop.PaymentService.Kill();
            await placing;
            Assert.NotEqual(0, await shop.OrdersAsync("select count(*) from orders where status = 'Pending'"));
            await shop.StartPaymentServiceAsync();
        }
        await placing;

        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        var captures = await shop.CapturesAsync();
        foreach (var (id, token) in orders)
            Assert.Equal(token == "tok_ok" ? 1 : 0, captures.GetValueOrDefault(id));
        Assert.Equal(900, captures.Count);
        Assert.Equal(900L, await shop.OrdersAsync("select count(*) from orders where status = 'Paid'"));
        Assert.Equal(100L, await shop.OrdersAsync("select count(*) from orders where status = 'Declined'"));
        Assert.Equal(1000L, await shop.OrdersAsync("select count(*) from orders where jsonb_array_length(history) = 2"));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task Three_hundred_orders_are_settled_once_by_a_gateway_that_is_slow_and_fails_one_call_in_three()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await shop.ChaosAsync(new { errorRate = 0.3, latencyMs = 200 });
        var orders = new ConcurrentDictionary<Guid, string>();

        await Parallel.ForAsync(0, 300, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            var token = i % 10 == 0 ? "tok_declined" : "tok_ok";
            orders[await shop.PlaceAsync(token)] = token;
        });

        await shop.AllSettledAsync(TimeSpan.FromMinutes(5));
        var captures = await shop.CapturesAsync();
        foreach (var (id, token) in orders)
        {
            Assert.Equal(token == "tok_ok" ? "Paid" : "Declined", await shop.StatusAsync(id));
            Assert.Equal(token == "tok_ok" ? 1 : 0, captures.GetValueOrDefault(id));
        }
        Assert.Equal(270, captures.Count);
        // No dead letters, either.
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task Orders_are_taken_while_the_broker_is_away_and_settled_when_it_is_back()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        shop.Nats.Kill();
        await Eventually.True("the order service says that the broker is away", async () =>
            (await shop.OrderService.Client.GetAsync("/health")).StatusCode == HttpStatusCode.ServiceUnavailable);
        foreach (var service in new[] { shop.OrderService, shop.PaymentService })
            Assert.Equal(HttpStatusCode.OK, (await service.Client.GetAsync("/ready", TestContext.Current.CancellationToken)).StatusCode);

        var orders = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => shop.PlaceAsync()));
        await shop.Nats.RestartAsync();

        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(orders.Order(), (await shop.CapturesAsync()).Keys.Order());
        await shop.OrderService.WaitHealthy();
    }

    [Fact]
    public async Task A_delivered_event_is_applied_once_however_often_it_is_delivered()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = await shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid");

        // A new message id: the broker does not recognise the copies, so that the services have to.
        await using var connection = new NATS.Client.Core.NatsConnection(new NATS.Client.Core.NatsOpts { Url = shop.Nats.Url });
        var jetStream = new NATS.Client.JetStream.NatsJSContext(connection);
        foreach (var stream in new[] { "ORDERS", "PAYMENTS" })
        {
            var reader = await jetStream.CreateOrUpdateConsumerAsync(stream, new("reader"), TestContext.Current.CancellationToken);
            var message = await reader.NextAsync<byte[]>(cancellationToken: TestContext.Current.CancellationToken);
            for (var copy = 0; copy < 5; copy++)
            {
                var headers = new NATS.Client.Core.NatsHeaders();
                foreach (var (name, value) in message!.Headers!)
                    headers[name] = value;
                headers["Nats-Msg-Id"] = Guid.NewGuid().ToString();
                await jetStream.PublishAsync(message.Subject, message.Data, headers: headers, cancellationToken: TestContext.Current.CancellationToken);
            }
        }

        await shop.AssertIdleAsync();
        Assert.Equal(1, (await shop.CapturesAsync())[id]);
        Assert.Equal(2, (await shop.OrderAsync(id)).GetProperty("history").GetArrayLength());
        Assert.Equal(1L, await shop.PaymentsAsync("select count(*) from outbox"));
    }
}
