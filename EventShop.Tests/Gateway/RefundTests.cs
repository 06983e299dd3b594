using System.Net;
using System.Text;

namespace EventShop.Tests.Gateway;

public sealed class RefundTests(RunningGateway gateway) : IClassFixture<RunningGateway>
{
    private readonly GatewayClient client = gateway.Client;
    private readonly Guid order = Guid.NewGuid();

    [Fact]
    public async Task A_charge_is_given_back_once_per_key()
    {
        var charge = await Charged();

        using var first = await client.Refund(order, charge, $"refund:{order}");
        using var again = await client.Refund(order, charge, $"refund:{order}");

        Assert.Equal(HttpStatusCode.Created, first.StatusCode);
        Assert.Equal("refunded", (await GatewayClient.Json(first)).GetProperty("status").GetString());
        Assert.True(GatewayClient.IsReplayed(again));
        Assert.Equal((await GatewayClient.Json(first)).GetRawText(), (await GatewayClient.Json(again)).GetRawText());
        var view = Assert.Single(await client.Charges(order));
        Assert.Equal("refunded", view.GetProperty("status").GetString());
        Assert.Equal("44.80", view.GetProperty("refund").GetProperty("amount").GetRawText());
    }

    [Fact]
    public async Task A_charge_has_one_refund_whatever_the_keys()
    {
        var charge = await Charged();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => client.Refund(order, charge, $"refund:{order}:{i}")));

        Assert.Equal(1, answers.Count(answer => answer.StatusCode == HttpStatusCode.Created));
        Assert.Equal(19, answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict));
    }

    [Fact]
    public async Task Only_the_whole_amount_is_given_back_and_a_corrected_request_may_keep_its_key()
    {
        var charge = await Charged();

        using var part = await client.Refund(order, charge, $"refund:{order}", amount: 10);
        using var whole = await client.Refund(order, charge, $"refund:{order}");

        Assert.Equal(HttpStatusCode.BadRequest, part.StatusCode);
        Assert.True((await GatewayClient.Json(part)).GetProperty("errors").TryGetProperty("amount", out _));
        Assert.Equal(HttpStatusCode.Created, whole.StatusCode);
    }

    [Fact]
    public async Task A_declined_charge_cannot_be_given_back()
    {
        using var answer = await client.Refund(order, await Charged("tok_declined"), $"refund:{order}");

        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
    }

    [Fact]
    public async Task An_unknown_charge_is_404()
    {
        using var answer = await client.Refund(order, "ch_unknown", $"refund:{order}");

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("""{"amount":"44.80"}""", "amount")]
    [InlineData("""{"chargeId":"ch_1","chargeId":"ch_2"}""", "chargeId")]
    [InlineData("""{"reason":"returned"}""", "reason")]
    public async Task A_refund_that_is_not_understood_is_refused_by_name(string body, string field)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await gateway.Process.Client.PostAsync("/refunds", content, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal([field], (await GatewayClient.Json(answer)).GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    private async Task<string> Charged(string token = "tok_ok")
    {
        using var answer = await client.Charge(order, $"pay:{order}:1", token);
        return (await GatewayClient.Json(answer)).GetProperty("id").GetString()!;
    }
}
