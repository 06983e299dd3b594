using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;

namespace EventShop.Tests.Gateway;

/// <summary>Whatever the card processor answers, it is no fault of a message, and money is believed only where the contract says so.</summary>
public sealed class ForeignAnswerTests(SharedPostgres postgres)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Answers to a charge that do not tell what became of the money.</summary>
    private static Dictionary<string, Answer> UndecidedCharges() => new()
    {
        ["processing"] = new(201, """{"id":"ch_ORDER","orderId":"ORDER","status":"processing"}"""),
        ["pending-200"] = new(200, """{"id":"ch_ORDER","orderId":"ORDER","status":"pending"}"""),
        ["requires-action"] = new(201, """{"id":"ch_ORDER","status":"requires_action"}"""),
        ["failed"] = new(201, """{"id":"ch_ORDER","status":"failed"}"""),
        ["unheard-of"] = new(201, """{"id":"ch_ORDER","status":"😀 of no language"}"""),
        ["other-case"] = new(201, """{"id":"ch_ORDER","status":"Captured"}"""),
        ["member-case"] = new(201, """{"Id":"ch_ORDER","Status":"captured"}"""),
        ["no-status"] = new(201, """{"id":"ch_ORDER"}"""),
        ["null-status"] = new(201, """{"id":"ch_ORDER","status":null}"""),
        ["number-status"] = new(201, """{"id":"ch_ORDER","status":1}"""),
        ["object-status"] = new(201, """{"id":"ch_ORDER","status":{"value":"captured"}}"""),
        ["empty-object"] = new(201, "{}"),
        ["empty-object-200"] = new(200, "{}"),
        ["null"] = new(201, "null"),
        ["array"] = new(201, """[{"id":"ch_ORDER","status":"captured"}]"""),
        ["string"] = new(201, "\"captured\""),
        ["nothing"] = new(201, ""),
        ["accepted"] = new(202, """{"id":"ch_ORDER","status":"captured"}"""),
        ["accepted-empty"] = new(202, ""),
        ["no-content"] = new(204, ""),
        ["no-id"] = new(201, """{"status":"captured"}"""),
        ["null-id"] = new(201, """{"id":null,"status":"captured"}"""),
        ["number-id"] = new(201, """{"id":7,"status":"captured"}"""),
        ["empty-id"] = new(201, """{"id":"","status":"captured"}"""),
        ["zero-in-id"] = new(201, """{"id":"ch\u0000","status":"captured"}"""),
        ["half-a-character"] = new(201, """{"id":"ch_\ud800","status":"captured"}"""),
        ["endless-id"] = new(201, $$"""{"id":"{{new string('x', 10_000)}}","status":"captured"}"""),
        ["twice"] = new(201, """{"id":"ch_ORDER","status":"declined","status":"captured"}"""),
        ["not-a-number"] = new(201, """{"id":"ch_ORDER","status":"captured","amount":NaN}"""),
        ["half"] = new(201, """{"id":"ch_ORDER","status":"captured","""),
        ["html"] = new(200, "<html>it works</html>") { ContentType = "text/html" },
        ["utf-16"] = Answer.Captured with { Encoding = Encoding.Unicode, ContentType = "application/json; charset=utf-16" },
        ["not-utf-8"] = new(201, "{\"id\":\"ch_\u00ff\",\"status\":\"captured\"}") { Encoding = Encoding.Latin1 },
        ["gzip"] = new(201, "\u001f\u008b\u0008garbage") { Encoding = Encoding.Latin1, Headers = new Dictionary<string, string> { ["Content-Encoding"] = "gzip" } },
        ["oversized"] = new(201, $$"""{"id":"ch_ORDER","status":"captured","padding":"{{new string('x', 2_000_000)}}"}"""),
        ["oversized-chunks"] = new(201, $$"""{"id":"ch_ORDER","status":"captured","padding":"{{new string('x', 2_000_000)}}"}""") { IsChunked = true },
        ["deep"] = new(201, $$"""{"id":"ch_ORDER","status":"captured","deep":{{new string('[', 5_000)}}{{new string(']', 5_000)}}}"""),
        ["decline-html"] = new(402, "<html>Payment required for this proxy</html>") { ContentType = "text/html" },
        ["decline-empty"] = new(402, "{}"),
        ["decline-captured"] = new(402, """{"id":"ch_ORDER","status":"captured"}"""),
        ["bad-request-html"] = new(400, "<html>Bad Request</html>") { ContentType = "text/html" },
        ["bad-request-name"] = new(400, """{"errors":{"\ud800":[]}}"""),
        ["name-of-no-string"] = new(201, """{"\ud800":1,"id":"ch_ORDER","status":"captured"}"""),
        ["in-progress"] = new(409, """{"title":"Conflict","status":409}"""),
    };

    /// <summary>Look-ups that do not tell what became of the money.</summary>
    private static Dictionary<string, Answer> UndecidedLookUps() => new()
    {
        ["processing"] = Answer.Found("\"status\":\"processing\""),
        ["failed"] = Answer.Found("\"status\":\"failed\""),
        ["chargeback"] = Answer.Found("\"status\":\"chargeback\""),
        ["other-case"] = Answer.Found("\"status\":\"CAPTURED\""),
        ["no-status"] = Answer.Found("\"amount\":1"),
        ["null-status"] = Answer.Found("\"status\":null"),
        ["number-status"] = Answer.Found("\"status\":200"),
        ["no-id"] = new(200, """[{"idempotencyKey":"pay:ORDER:1","status":"captured"}]"""),
        ["nulls"] = new(200, "[null,null]"),
        ["null-beside-another"] = new(200, """[null,{"id":"ch_2","idempotencyKey":"pay:ORDER:2","status":"declined"}]"""),
        ["no-key"] = new(200, """[{"id":"ch_ORDER","status":"captured"}]"""),
        ["null-key"] = new(200, """[{"id":"ch_ORDER","status":"captured","idempotencyKey":null}]"""),
        ["two-outcomes"] = new(200,
            """[{"id":"ch_1","idempotencyKey":"pay:ORDER:1","status":"declined"},{"id":"ch_2","idempotencyKey":"pay:ORDER:1","status":"captured"}]"""),
        ["two-charges"] = new(200,
            """[{"id":"ch_1","idempotencyKey":"pay:ORDER:1","status":"captured"},{"id":"ch_2","idempotencyKey":"pay:ORDER:1","status":"captured"}]"""),
        ["twice"] = new(200, """[{"id":"ch_1","idempotencyKey":"pay:ORDER:1","status":"declined","status":"captured"}]"""),
        ["empty-object"] = new(200, "{}"),
        ["null"] = new(200, "null"),
        ["an-object"] = new(200, """{"data":[{"id":"ch_ORDER","idempotencyKey":"pay:ORDER:1","status":"captured"}]}"""),
        ["accepted"] = new(202, "[]"),
        ["no-content"] = new(204, ""),
        ["html"] = new(200, "<html>no charges</html>") { ContentType = "text/html" },
        ["numbers"] = new(200, "[1,2,3]"),
        ["oversized"] = new(200, $"[{new string(' ', 2_000_000)}]"),
    };

    [Fact]
    public async Task An_answer_that_decides_nothing_holds_its_order_alone_until_a_look_up_tells_what_became_of_the_money()
    {
        await using var gateway = await ForeignGateway.StartAsync(UndecidedCharges().ToDictionary(
            answer => answer.Key, answer => new Script { Charge = answer.Value, LookUp = Answer.Found("\"status\":\"processing\"") }));

        await HeldUntilDecidedAsync(gateway);
    }

    [Fact]
    public async Task A_look_up_that_decides_nothing_holds_its_order_alone_and_is_made_again()
    {
        await using var gateway = await ForeignGateway.StartAsync(UndecidedLookUps().ToDictionary(
            answer => answer.Key, answer => new Script { Charge = new(202, "{}"), LookUp = answer.Value }));

        await HeldUntilDecidedAsync(gateway);
    }

    /// <summary>Each card's order waits, whatever it meets, and no other order waits with it; then the gateway says that each is captured.</summary>
    private async Task HeldUntilDecidedAsync(ForeignGateway gateway)
    {
        await using var shop = await gateway.OpenShopAsync(postgres);
        gateway.Scripts["good"] = new();
        var cards = gateway.Scripts.Keys.Where(card => card != "good").ToArray();
        var orders = await Task.WhenAll(cards.Select(async card => (Card: card, Id: await shop.PlaceAsync(card))));

        await Eventually.Value("each has been looked up three times", () => Task.FromResult(
            string.Join(", ", cards.Where(card => gateway.Count("GET /charges", card) < 3))), left => left == "", Patience);
        var other = await shop.PlaceAsync("good");
        await Eventually.True("an order beside them is paid", async () => await shop.StatusAsync(other) == "Paid", Patience);
        foreach (var (card, id) in orders)
            Assert.Equal((card, "Pending"), (card, await shop.StatusAsync(id)));
        // Held, not tried again: whatever the answer was, it was no failure of the message.
        Assert.DoesNotContain("failed on attempt", shop.PaymentService.Output, StringComparison.Ordinal);
        Assert.Equal(cards.Length, await shop.PaymentsAsync("select count(*) from payments where state = 'Unknown' and waiting_since is not null"));

        foreach (var script in gateway.Scripts.Values)
            script.LookUp = Answer.Found("\"status\":\"captured\"");
        await shop.AllSettledAsync(Patience);
        foreach (var (card, id) in orders)
            Assert.Equal((card, "Paid"), (card, await shop.StatusAsync(id)));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task Captured_is_captured_in_whatever_it_is_wrapped()
    {
        string?[] types =
        [
            "application/json; charset=utf8", "application/json; charset=utf-7", "application/json; charset=\"utf-8\"", "application/json; charset=",
            "application/json; charset=no-such", "text/html", "no type at all", "application/problem+json", null,
        ];
        var scripts = types.Select((type, n) => KeyValuePair.Create($"type-{n}", Answer.Captured with { ContentType = type })).Append(
            new("bom", Answer.Captured with { Body = "\uFEFF" + Answer.Captured.Body })).Append(
            new("chunked", Answer.Captured with { IsChunked = true })).Append(
            new("status-200", Answer.Captured with { Status = 200 })).Append(
            new("more-members", new(201, """{"id":"ch_ORDER","status":"captured","amount":"much","orderId":[null],"nested":{"status":"declined"}}"""))).Append(
            new("encoded-in-nothing", Answer.Captured with { Headers = new Dictionary<string, string> { ["Content-Encoding"] = "identity" } }))
            .ToDictionary(answer => answer.Key, answer => new Script { Charge = answer.Value });
        await using var gateway = await ForeignGateway.StartAsync(scripts);
        await using var shop = await gateway.OpenShopAsync(postgres);

        var orders = await Task.WhenAll(scripts.Keys.Select(async card => (Card: card, Id: await shop.PlaceAsync(card))));

        await shop.AllSettledAsync(Patience);
        foreach (var (card, id) in orders)
            Assert.Equal((card, "Paid", 1), (card, await shop.StatusAsync(id), gateway.Count("POST /charges", card)));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_asked_for_again_with_the_same_key()
    {
        var scripts = new Dictionary<string, Script>
        {
            ["short"] = new() { Charge = Answer.Captured with { CutAfter = 20 } },
            ["cut-chunk"] = new() { Charge = Answer.Captured with { CutAfter = 20, IsChunked = true } },
            ["cut-at-once"] = new() { Charge = Answer.Captured with { CutAfter = 0, IsChunked = true } },
        };
        await using var gateway = await ForeignGateway.StartAsync(scripts);
        await using var shop = await gateway.OpenShopAsync(postgres, ("Gateway__OpenTimeout", "00:00:00.500"));
        var orders = await Task.WhenAll(scripts.Keys.Select(async card => (Card: card, Id: await shop.PlaceAsync(card))));
        await Eventually.True("each was asked for again", () => scripts.Keys.All(card => gateway.Count("POST /charges", card) >= 2), Patience);

        foreach (var script in scripts.Values)
            script.Charge = Answer.Captured;
        await shop.AllSettledAsync(Patience);

        foreach (var (card, id) in orders)
            Assert.Equal((card, "Paid"), (card, await shop.StatusAsync(id)));
        Assert.Single(gateway.Calls.Where(call => call is { Name: "POST /charges", Card: "short" }).Select(call => call.Headers["idempotency-key"]).Distinct());
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task What_decides_against_an_order_is_shown_with_the_gateways_own_reason()
    {
        var answers = new Dictionary<string, (Script Script, string Reason)>
        {
            ["declined-201"] = (new() { Charge = new(201, """{"id":"ch_ORDER","status":"declined","declineCode":"insufficient_funds"}""") }, "insufficient_funds"),
            ["declined-200"] = (new() { Charge = new(200, """{"status":"declined"}""") }, "declined"),
            ["declined-402"] = (new() { Charge = new(402, """{"id":"ch_ORDER","status":"declined","declineCode":"expired_card"}""") }, "expired_card"),
            ["declined-text"] = (new() { Charge = new(402, """{"status":"declined","declineCode":"<script>alert(1)</script>"}""") }, "declined"),
            ["declined-zero"] = (new() { Charge = new(402, """{"status":"declined","declineCode":"a\u0000b"}""") }, "declined"),
            ["code-only"] = (new() { Charge = new(402, """{"declineCode":"lost_card"}""") }, "lost_card"),
            ["bad-amount"] = (new() { Charge = new(400, """{"title":"Bad Request","status":400,"code":"amount_too_large","errors":{"amount":["too large"]}}""") }, "amount_too_large"),
            ["bad-field"] = (new() { Charge = new(400, """{"status":400,"errors":{"paymentToken":["is unknown"],"amount":["too large"]}}""") }, "invalid_payment_token"),
            ["bad-without-code"] = (new() { Charge = new(400, """{"title":"Bad Request","status":400}""") }, "invalid_request"),
            ["bad-errors"] = (new() { Charge = new(400, """{"errors":[null]}""") }, "invalid_request"),
            ["found-declined"] = (new() { Charge = new(202, "{}"), LookUp = Answer.Found("\"status\":\"declined\",\"declineCode\":\"stolen_card\"") }, "stolen_card"),
            ["found-refunded"] = (new() { Charge = new(202, "{}"), LookUp = Answer.Found("\"status\":\"refunded\",\"refund\":{\"id\":\"re_1\"}") }, "refunded"),
        };
        await using var gateway = await ForeignGateway.StartAsync(answers.ToDictionary(answer => answer.Key, answer => answer.Value.Script));
        await using var shop = await gateway.OpenShopAsync(postgres);

        var orders = await Task.WhenAll(answers.Keys.Select(async card => (Card: card, Id: await shop.PlaceAsync(card))));

        await shop.AllSettledAsync(Patience);
        foreach (var (card, id) in orders)
        {
            var payment = await shop.PaymentService.Client.GetFromJsonAsync<JsonElement>($"/payments/{id}", Cancelled);
            Assert.Equal((card, "Declined", answers[card].Reason), (card, await shop.StatusAsync(id), payment.GetProperty("reason").GetString()));
        }
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task The_gateways_own_refusals_have_their_reasons()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var stranger = await shop.PlaceAsync("tok_of_nobody");
        await shop.AllSettledAsync(Patience);
        var payment = await shop.PaymentService.Client.GetFromJsonAsync<JsonElement>($"/payments/{stranger}", Cancelled);
        Assert.Equal(("Declined", "invalid_payment_token"), (await shop.StatusAsync(stranger), payment.GetProperty("reason").GetString()));

        foreach (var (body, code) in new[]
        {
            ($$"""{"orderId":"{{Guid.NewGuid()}}","amount":1000000.01,"currency":"EUR","paymentToken":"tok_ok"}""", "invalid_amount"),
            ($$"""{"orderId":"{{Guid.NewGuid()}}","amount":1,"currency":"euro","paymentToken":"tok_ok"}""", "invalid_currency"),
            ("""{"amount":1,"currency":"EUR","paymentToken":"tok_ok"}""", "invalid_order_id"),
        })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/charges") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
            using var answer = await shop.Gateway.Client.SendAsync(request, Cancelled);
            Assert.Equal((400, code), ((int)answer.StatusCode, (await GatewayClient.Json(answer)).GetProperty("code").GetString()));
        }
    }

    [Fact]
    public async Task A_refund_whose_answer_decides_nothing_is_held_until_a_look_up_or_another_answer_tells_that_the_money_is_back()
    {
        var answers = new Dictionary<string, Answer>
        {
            ["processing"] = new(201, """{"id":"re_ORDER","status":"processing"}"""),
            ["failed"] = new(201, """{"id":"re_ORDER","status":"failed"}"""),
            ["other-case"] = new(201, """{"id":"re_ORDER","status":"Refunded"}"""),
            ["no-status"] = new(201, """{"id":"re_ORDER"}"""),
            ["no-id"] = new(201, """{"status":"refunded"}"""),
            ["number-id"] = new(201, """{"id":1,"status":"refunded"}"""),
            ["zero-in-id"] = new(201, """{"id":"re\u0000","status":"refunded"}"""),
            ["empty-object"] = new(201, "{}"),
            ["null"] = new(200, "null"),
            ["accepted"] = new(202, """{"id":"re_ORDER","status":"refunded"}"""),
            ["no-content"] = new(204, ""),
            ["twice"] = new(201, """{"id":"re_ORDER","status":"failed","status":"refunded"}"""),
            ["html"] = new(200, "<html>it works</html>") { ContentType = "text/html" },
            ["not-found-html"] = new(404, "<html>no such page</html>") { ContentType = "text/html" },
            ["not-found-json"] = new(404, """{"message":"no route"}"""),
            ["bad-request-html"] = new(400, "<html>Bad Request</html>") { ContentType = "text/html" },
            ["by-hand"] = new(409, """{"title":"Conflict","status":409,"detail":"refunded under another key"}"""),
            ["charset"] = new(201, "{}") { ContentType = "application/json; charset=utf8" },
        };
        await using var gateway = await ForeignGateway.StartAsync(answers.ToDictionary(
            answer => answer.Key, answer => new Script { Refund = answer.Value, LookUp = Answer.Found("\"status\":\"captured\"") }));
        gateway.Scripts["good"] = new() { Refund = Answer.Refunded with { ContentType = "application/json; charset=utf8" } };
        await using var shop = await gateway.OpenShopAsync(postgres, ("Gateway__OpenTimeout", "00:00:00.500"));
        var orders = await Task.WhenAll(answers.Keys.Append("good").Select(async card => (Card: card, Id: await shop.PlaceAsync(card))));
        await shop.AllSettledAsync(Patience);

        foreach (var (_, id) in orders)
            using (var answer = await shop.OrderService.Client.PostAsync($"/orders/{id}/cancel", null, Cancelled))
                Assert.Equal(202, (int)answer.StatusCode);
        await Eventually.True("each refund was asked for twice, and looked up", () => answers.Keys.All(card =>
            gateway.Count("POST /refunds", card) >= 2 && gateway.Count("GET /charges", card) >= 1), Patience);
        foreach (var (card, id) in orders)
            Assert.Equal((card, card == "good" ? "Cancelled" : "Cancelling"), (card, await shop.StatusAsync(id)));
        Assert.DoesNotContain("failed on attempt", shop.PaymentService.Output, StringComparison.Ordinal);
        Assert.Equal(answers.Count, await shop.PaymentsAsync("select count(*) from payments where state = 'Refunding' and waiting_since is not null"));

        // Half of them are found to be made, the others are made in the end.
        foreach (var (n, card) in answers.Keys.Index())
            if (n % 2 == 0)
                gateway.Scripts[card].LookUp = Answer.Found("\"status\":\"refunded\",\"refund\":{\"id\":\"re_ORDER\"}");
            else
                gateway.Scripts[card].Refund = Answer.Refunded;
        await shop.CancellationsAnsweredAsync(Patience);
        foreach (var (card, id) in orders)
            Assert.Equal((card, "Cancelled"), (card, await shop.StatusAsync(id)));
        Assert.Equal(orders.Length, await shop.PaymentsAsync("select count(*) from payments where state = 'Refunded' and refund_id like 're_%'"));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task However_long_the_gateway_wants_to_be_left_alone_it_is_called_again_within_reason()
    {
        string[] delays =
        [
            "9999999", "2147483647", "99999999999999999999", "-1", "0", "soon", "", "1e9", "Thu, 31 Dec 2099 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT", "31 Dec 2099", "9999999, 9999999",
        ];
        var scripts = delays.SelectMany((delay, n) => new[] { 503, 429 }.Select(status => (Card: $"{status}-{n}", Script: new Script
        {
            Charge = new(status, "{}") { Headers = new Dictionary<string, string> { ["Retry-After"] = delay } },
        }))).ToDictionary(script => script.Card, script => script.Script);
        await using var gateway = await ForeignGateway.StartAsync(scripts);
        await using var shop = await gateway.OpenShopAsync(
            postgres, ("Gateway__ConsecutiveFailures", "10000"), ("Gateway__MaxRetryDelay", "00:00:00.500"));

        var orders = await Task.WhenAll(scripts.Keys.Select(async card => (Card: card, Id: await shop.PlaceAsync(card))));
        await Eventually.True("each was called again at once, and later", () => scripts.Keys.All(card => gateway.Count("POST /charges", card) >= 4), Patience);
        Assert.DoesNotContain("failed on attempt", shop.PaymentService.Output, StringComparison.Ordinal);

        foreach (var script in scripts.Values)
            script.Charge = Answer.Captured;
        await shop.AllSettledAsync(Patience);
        foreach (var (card, id) in orders)
            Assert.Equal((card, "Paid"), (card, await shop.StatusAsync(id)));
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task Cards_are_sent_to_no_other_address_that_an_answer_names()
    {
        await using var thief = await ForeignGateway.StartAsync(new Dictionary<string, Script>());
        var scripts = new[] { 301, 302, 303, 307, 308 }.ToDictionary(status => $"to-{status}", status => new Script
        {
            Charge = new(status, "") { Headers = new Dictionary<string, string> { ["Location"] = $"{thief.Url}/charges" } },
        });
        await using var gateway = await ForeignGateway.StartAsync(scripts);
        await using var shop = await gateway.OpenShopAsync(postgres, ("Gateway__OpenTimeout", "00:00:00.500"));

        foreach (var card in scripts.Keys)
            await shop.PlaceAsync(card);
        await Eventually.True("each was tried", () => scripts.Keys.All(card => gateway.Count("POST /charges", card) >= 1), Patience);
        foreach (var script in scripts.Values)
            script.Charge = Answer.Captured;
        await shop.AllSettledAsync(Patience);

        Assert.Empty(thief.Calls);
        await shop.AssertIdleAsync();
    }

    [Fact]
    public async Task The_gateway_gets_the_traces_id_and_nothing_of_its_baggage_and_state()
    {
        await using var gateway = await ForeignGateway.StartAsync(new Dictionary<string, Script> { ["good"] = new() });
        await using var shop = await gateway.OpenShopAsync(postgres);
        var traceId = Guid.NewGuid().ToString("N");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders")
        {
            Content = JsonContent.Create(new { customerId = "c-42", items = new[] { new { sku = "SKU-1", quantity = 1 } }, paymentToken = "good" }),
        };
        request.Headers.Add("traceparent", $"00-{traceId}-00000000000000c1-01");
        request.Headers.Add("tracestate", "vendor=secret");
        request.Headers.Add("baggage", "customer=jane%40example.com");
        using var placed = await shop.OrderService.Client.SendAsync(request, Cancelled);
        Assert.Equal(201, (int)placed.StatusCode);
        await shop.AllSettledAsync(Patience);

        var charge = Assert.Single(gateway.Calls, call => call.Name == "POST /charges").Headers;
        Assert.Contains(traceId, charge["traceparent"], StringComparison.Ordinal);
        Assert.DoesNotContain(charge.Keys, name => name is "baggage" or "tracestate" or "correlation-context" or "request-id");
        Assert.DoesNotContain(charge.Values, value => value.Contains("secret", StringComparison.Ordinal) || value.Contains("jane", StringComparison.Ordinal));
    }
}
