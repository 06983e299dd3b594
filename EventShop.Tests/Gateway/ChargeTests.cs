using System.Net;
using System.Text;

namespace EventShop.Tests.Gateway;

public sealed class ChargeTests(RunningGateway gateway) : IClassFixture<RunningGateway>
{
    private readonly GatewayClient client = gateway.Client;
    private readonly Guid order = Guid.NewGuid();

    [Fact]
    public async Task A_good_card_is_captured()
    {
        using var answer = await client.Charge(order, $"pay:{order}:1");

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var charge = await GatewayClient.Json(answer);
        Assert.StartsWith("ch_", charge.GetProperty("id").GetString());
        Assert.Equal(order, charge.GetProperty("orderId").GetGuid());
        Assert.Equal("captured", charge.GetProperty("status").GetString());
        Assert.Equal("44.80", charge.GetProperty("amount").GetRawText());
        Assert.Equal("EUR", charge.GetProperty("currency").GetString());
        Assert.False(charge.TryGetProperty("declineCode", out _));
    }

    [Fact]
    public async Task A_declined_card_is_402_and_stays_declined()
    {
        using var first = await client.Charge(order, $"pay:{order}:1", "tok_declined");
        using var again = await client.Charge(order, $"pay:{order}:1", "tok_declined");

        Assert.Equal(HttpStatusCode.PaymentRequired, first.StatusCode);
        Assert.Equal("declined", (await GatewayClient.Json(first)).GetProperty("status").GetString());
        Assert.Equal("card_declined", (await GatewayClient.Json(first)).GetProperty("declineCode").GetString());
        Assert.Equal(HttpStatusCode.PaymentRequired, again.StatusCode);
        Assert.True(GatewayClient.IsReplayed(again));
    }

    [Fact]
    public async Task A_key_sent_again_gets_the_stored_answer_and_charges_nothing()
    {
        using var first = await client.Charge(order, $"pay:{order}:1");
        using var again = await client.Charge(order, $"pay:{order}:1");

        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.False(GatewayClient.IsReplayed(first));
        Assert.True(GatewayClient.IsReplayed(again));
        Assert.Equal((await GatewayClient.Json(first)).GetRawText(), (await GatewayClient.Json(again)).GetRawText());
        Assert.Single(await client.Charges(order));
    }

    [Fact]
    public async Task A_key_with_another_body_is_refused()
    {
        using var first = await client.Charge(order, $"pay:{order}:1");
        using var other = await client.Charge(order, $"pay:{order}:1", amount: 1);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, other.StatusCode);
        Assert.Equal("44.80", Assert.Single(await client.Charges(order)).GetProperty("amount").GetRawText());
    }

    [Fact]
    public async Task Two_keys_charge_one_order_twice_oldest_first()
    {
        using var first = await client.Charge(order, $"pay:{order}:1");
        using var second = await client.Charge(order, $"pay:{order}:2");

        Assert.Equal(
            [$"pay:{order}:1", $"pay:{order}:2"],
            (await client.Charges(order)).Select(charge => charge.GetProperty("idempotencyKey").GetString()));
    }

    [Fact]
    public async Task One_key_used_by_many_at_once_captures_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.Charge(order, $"pay:{order}:1")));

        Assert.All(answers, answer => Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.Conflict));
        Assert.Equal(1, answers.Count(answer => answer.StatusCode == HttpStatusCode.Created && !GatewayClient.IsReplayed(answer)));
        Assert.Single(await client.Charges(order));
    }

    [Fact]
    public async Task A_flaky_card_fails_twice_and_is_then_captured_once()
    {
        using var first = await client.Charge(order, $"pay:{order}:1", "tok_flaky");
        using var second = await client.Charge(order, $"pay:{order}:1", "tok_flaky");
        using var third = await client.Charge(order, $"pay:{order}:1", "tok_flaky");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, first.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.Equal(HttpStatusCode.Created, third.StatusCode);
        Assert.Single(await client.Charges(order));
    }

    [Fact]
    public async Task A_lost_reply_is_a_charge_whose_answer_the_key_still_gets()
    {
        await Assert.ThrowsAsync<HttpRequestException>(() => client.Charge(order, $"pay:{order}:1", "tok_lost_reply"));
        using var again = await client.Charge(order, $"pay:{order}:1", "tok_lost_reply");

        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        Assert.True(GatewayClient.IsReplayed(again));
        Assert.Single(await client.Charges(order));
    }

    [Fact]
    public async Task A_bad_charge_is_answered_with_every_bad_field_and_recorded_nowhere()
    {
        using var answer = await client.Post("/charges", null, new { orderId = order, amount = 0.001, currency = "euro", paymentToken = "4242" });

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var fields = (await GatewayClient.Json(answer)).GetProperty("errors").EnumerateObject().Select(error => error.Name);
        Assert.Equal(["amount", "currency", "paymentToken", "Idempotency-Key"], fields);
        Assert.Empty(await client.Charges(order));
    }

    [Theory]
    [InlineData("""{"amount":"much"}""", "amount")]
    [InlineData("""{"orderId":"1"}""", "orderId")]
    [InlineData("""{"amount":"44.80"}""", "amount")]
    [InlineData("""{"amount":1,"amount":2}""", "amount")]
    [InlineData("""{"amount":1,"capture":false}""", "capture")]
    [InlineData("{", "$")]
    [InlineData("", "$")]
    [InlineData("null", "$")]
    public async Task An_unreadable_charge_is_answered_with_what_could_not_be_read(string body, string field)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await gateway.Process.Client.PostAsync("/charges", content, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = await GatewayClient.Json(answer);
        Assert.Equal([field], problem.GetProperty("errors").EnumerateObject().Select(error => error.Name));
        Assert.DoesNotContain("PaymentGateway", problem.GetRawText());
    }

    [Theory]
    [InlineData("text/plain", 10, HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json", 1_000_000, HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("application/json", 65_537, HttpStatusCode.RequestEntityTooLarge)]
    public async Task What_is_no_charge_at_all_is_a_problem_document_too(string type, int size, HttpStatusCode expected)
    {
        using var content = new StringContent(new string(' ', size), Encoding.UTF8, type);
        using var answer = await gateway.Process.Client.PostAsync("/charges", content, TestContext.Current.CancellationToken);

        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
    }
}
