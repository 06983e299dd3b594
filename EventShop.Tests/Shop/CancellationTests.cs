using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>Whatever a cancellation meets, the customer is not left charged for a cancelled order.</summary>
public sealed class CancellationTests(SharedPostgres postgres)
{
    private static readonly (string, string)[] Quick =
    [
        ("Reconciliation__PendingAfter", "00:00:02"), ("Reconciliation__Interval", "00:00:01"),
        ("Gateway__AttemptTimeout", "00:00:00.500"), ("Gateway__TotalTimeout", "00:00:01"), ("Gateway__OpenTimeout", "00:00:00.500"),
        ("Gateway__LookAgainAfter", "00:00:05"),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_paid_order_is_refunded_and_then_cancelled_once_however_often_it_is_asked_for()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = await shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid");

        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => CancelAsync(shop, id)));
        await Eventually.True("it is cancelled", async () => await shop.StatusAsync(id) == "Cancelled");
        var late = await CancelAsync(shop, id);

        Assert.All(answers.Append(late), answer => Assert.Equal(HttpStatusCode.Accepted, answer));
        Assert.Equal(["created", "paid", "cancelling", "cancelled"], await HistoryAsync(shop, id));
        Assert.Equal(["refunded"], await LedgerAsync(shop, id));
        var payment = await shop.PaymentService.Client.GetFromJsonAsync<JsonElement>($"/payments/{id}", Cancelled);
        Assert.Equal("Refunded", payment.GetProperty("state").GetString());
        Assert.Equal(
            [("charge", "captured"), ("refund", "refunded")],
            payment.GetProperty("attempts").EnumerateArray().Select(a => (a.GetProperty("kind").GetString(), a.GetProperty("result").GetString())));
        Assert.Equal(1L, await shop.OrdersAsync("select count(*) from outbox where type = 'eventshop.orders.cancelled.v1'"));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task A_pending_order_is_cancelled_at_once_and_never_charged()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();

        Assert.Equal(HttpStatusCode.Accepted, await CancelAsync(shop, id));
        Assert.Equal("Cancelled", await shop.StatusAsync(id));
        await shop.StartPaymentServiceAsync();
        await shop.CancellationsAnsweredAsync();

        await shop.AssertIdleAsync();
        Assert.DoesNotContain("captured", await LedgerAsync(shop, id));
        Assert.Equal(["created", "cancelled"], await HistoryAsync(shop, id));
    }

    [Fact]
    public async Task A_cancellation_that_races_the_charge_leaves_nobody_charged_for_a_cancelled_order()
    {
        await using var shop = await RunningShop.StartAsync(postgres, Quick);
        await shop.ChaosAsync(new { latencyMs = 60, errorRate = 0.2 });
        string[] tokens = ["tok_ok", "tok_ok", "tok_flaky", "tok_lost_reply", "tok_declined"];

        var orders = await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            var id = await shop.PlaceAsync(tokens[i % tokens.Length]);
            // At once; when its charge is on its way; when the card has been charged or declined.
            if (i % 3 == 1)
                await Eventually.True("its payment has begun", async () => await shop.PaymentsAsync($"select count(*) from payments where order_id = '{id}'") == 1, TimeSpan.FromSeconds(60));
            if (i % 3 == 2)
                await Eventually.True("it is in the ledger", async () => (await LedgerAsync(shop, id)).Length == 1, TimeSpan.FromSeconds(60));
            return (Id: id, Answer: await CancelAsync(shop, id));
        }));
        await shop.CancellationsAnsweredAsync(TimeSpan.FromSeconds(90));
        await Eventually.True("no charge is looked for any more", async () =>
            await shop.PaymentsAsync("select count(*) from payments where look_again_at is not null") == 0, TimeSpan.FromSeconds(90));

        foreach (var (id, answer) in orders)
        {
            var status = await shop.StatusAsync(id);
            Assert.Equal(answer == HttpStatusCode.Accepted ? "Cancelled" : "Declined", status);
            Assert.DoesNotContain("captured", await LedgerAsync(shop, id));
        }
        Assert.Contains(orders, order => order.Answer == HttpStatusCode.Accepted);
        await shop.AssertIdleAsync();
        // Whatever the gateway did, no message was at fault.
        Assert.DoesNotContain("failed on attempt", shop.PaymentService.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancellation_that_the_broker_lost_is_told_again()
    {
        await using var shop = await RunningShop.StartAsync(postgres, Quick);
        var id = await shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid");
        await shop.PaymentService.Kill();
        await CancelAsync(shop, id);
        await Eventually.True("it is announced", async () => await shop.OrdersAsync("select count(*) from outbox_unsent") == 0);

        await shop.Nats.RestartEmptyAsync();
        await shop.StartPaymentServiceAsync();
        await shop.CancellationsAnsweredAsync(TimeSpan.FromSeconds(60));

        Assert.Equal("Cancelled", await shop.StatusAsync(id));
        Assert.Equal(["refunded"], await LedgerAsync(shop, id));
    }

    [Fact]
    public async Task An_order_that_is_pending_for_too_long_expires_and_is_not_charged_when_the_gateway_is_back()
    {
        await using var shop = await RunningShop.StartAsync(postgres, [.. Quick, ("Expiry__PendingLimit", "00:00:02"), ("Expiry__Interval", "00:00:01")]);
        await shop.ChaosAsync(new { down = true });
        var id = await shop.PlaceAsync();

        await Eventually.True("it has expired", async () => await shop.StatusAsync(id) == "Cancelled");
        await shop.ChaosAsync(new { down = false });
        await shop.CancellationsAnsweredAsync(TimeSpan.FromSeconds(60));

        await shop.AssertIdleAsync();
        Assert.DoesNotContain("captured", await LedgerAsync(shop, id));
        Assert.Equal(["created", "cancelled"], await HistoryAsync(shop, id));
    }

    [Fact]
    public async Task A_charge_the_gateway_makes_after_it_was_given_up_is_found_and_given_back()
    {
        await using var shop = await RunningShop.StartAsync(postgres, Quick);
        await shop.ChaosAsync(new { hangRate = 1.0 });
        var id = await shop.PlaceAsync();
        await Eventually.True("its payment has begun", async () => await shop.PaymentsAsync($"select count(*) from payments where order_id = '{id}'") == 1);
        await CancelAsync(shop, id);
        await shop.CancellationsAnsweredAsync(TimeSpan.FromSeconds(60));
        Assert.Empty(await LedgerAsync(shop, id));
        await shop.ChaosAsync(new { hangRate = 0.0 });

        // What the payment service had sent and given up reaches the gateway now.
        using var late = new HttpRequestMessage(HttpMethod.Post, "/charges")
        {
            Content = JsonContent.Create(new { orderId = id, amount = (await shop.OrderAsync(id)).GetProperty("total").GetDecimal(), currency = "EUR", paymentToken = "tok_ok" }),
        };
        late.Headers.Add("Idempotency-Key", $"pay:{id}:1");
        using var captured = await shop.Gateway.Client.SendAsync(late, Cancelled);
        Assert.Equal(HttpStatusCode.Created, captured.StatusCode);

        await Eventually.True("it is given back", async () => await LedgerAsync(shop, id) is ["refunded"], TimeSpan.FromSeconds(60));
        await shop.AssertIdleAsync();
        Assert.Equal(["created", "cancelled"], await HistoryAsync(shop, id));
    }

    [Fact]
    public async Task A_charge_made_by_a_process_that_stood_still_while_its_order_was_cancelled_is_given_back()
    {
        await using var shop = await RunningShop.StartAsync(postgres, Quick);
        // Its replica waits for the gateway for as long as it takes, and is frozen while the answer is on its way.
        await shop.PaymentService.Kill();
        shop.Settings["Gateway__LookAgainAfter"] = "01:00:00";
        shop.Settings["Gateway__AttemptTimeout"] = "00:00:50";
        shop.Settings["Gateway__TotalTimeout"] = "00:04:00";
        await using var frozen = await shop.StartAsync("PaymentService");
        await frozen.WaitHealthy();
        await shop.ChaosAsync(new { latencyMs = 10_000 });
        var id = await shop.PlaceAsync();
        await Eventually.True("its payment has begun", async () => await shop.PaymentsAsync($"select count(*) from payments where order_id = '{id}'") == 1);
        frozen.Pause();
        await shop.ChaosAsync(new { latencyMs = 0 });
        await CancelAsync(shop, id);

        shop.Settings["Gateway__AttemptTimeout"] = "00:00:00.500";
        shop.Settings["Gateway__TotalTimeout"] = "00:00:01";
        await shop.StartPaymentServiceAsync();
        await shop.CancellationsAnsweredAsync(TimeSpan.FromSeconds(60));
        frozen.Continue();

        await Eventually.True("it is given back", async () => await LedgerAsync(shop, id) is ["refunded"], TimeSpan.FromSeconds(60));
        await shop.AssertIdleAsync();
        Assert.Equal(["created", "cancelled"], await HistoryAsync(shop, id));
    }

    [Fact]
    public async Task What_cannot_be_cancelled_says_why()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("Cancellation__PaidLimit", "00:00:00"));
        var declined = await shop.PlaceAsync("tok_declined");
        var paid = await shop.PlaceAsync();
        await shop.AllSettledAsync();

        Assert.Equal(HttpStatusCode.Conflict, await CancelAsync(shop, declined));
        Assert.Equal(HttpStatusCode.Conflict, await CancelAsync(shop, paid));
        Assert.Equal(HttpStatusCode.NotFound, await CancelAsync(shop, Guid.NewGuid()));
        Assert.Equal(("Declined", "Paid"), (await shop.StatusAsync(declined), await shop.StatusAsync(paid)));
    }

    [Fact]
    public async Task Every_call_to_a_failing_gateway_is_shown_with_its_time_and_reason()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = await shop.PlaceAsync("tok_flaky");
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid", TimeSpan.FromSeconds(60));

        var payment = await shop.PaymentService.Client.GetFromJsonAsync<JsonElement>($"/payments/{id}", Cancelled);

        var attempts = payment.GetProperty("attempts").EnumerateArray().ToArray();
        Assert.Equal(2, attempts.Count(a => a.GetProperty("result").GetString() == "HTTP 503"));
        Assert.Equal("captured", attempts[^1].GetProperty("result").GetString());
        Assert.Equal(attempts.Select(a => a.GetProperty("at").GetDateTimeOffset()).Order(), attempts.Select(a => a.GetProperty("at").GetDateTimeOffset()));
        Assert.Equal(HttpStatusCode.NotFound, (await shop.PaymentService.Client.GetAsync($"/payments/{Guid.NewGuid()}", Cancelled)).StatusCode);
    }

    private static async Task<HttpStatusCode> CancelAsync(RunningShop shop, Guid id)
    {
        using var response = await shop.OrderService.Client.PostAsync($"/orders/{id}/cancel", null, Cancelled);
        return response.StatusCode;
    }

    private static async Task<string[]> HistoryAsync(RunningShop shop, Guid id) =>
        [.. (await shop.OrderAsync(id)).GetProperty("history").EnumerateArray().Select(entry => entry.GetProperty("event").GetString()!)];

    private static async Task<string[]> LedgerAsync(RunningShop shop, Guid id) =>
        [.. (await shop.Gateway.Client.GetFromJsonAsync<JsonElement>($"/charges?orderId={id}", Cancelled))
            .EnumerateArray().Select(charge => charge.GetProperty("status").GetString()!)];
}
