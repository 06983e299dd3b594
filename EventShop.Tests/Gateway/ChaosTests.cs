using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace EventShop.Tests.Gateway;

public sealed class ChaosTests(RunningGateway gateway) : IClassFixture<RunningGateway>, IAsyncLifetime
{
    private readonly GatewayClient client = gateway.Client;
    private readonly Guid order = Guid.NewGuid();

    public async ValueTask InitializeAsync() => await client.Chaos(new { });

    public ValueTask DisposeAsync() => InitializeAsync();

    [Theory]
    [InlineData("""{"down":true}""")]
    [InlineData("""{"errorRate":1}""")]
    public async Task A_broken_gateway_answers_503_and_charges_nothing(string settings)
    {
        await client.Chaos(JsonElement.Parse(settings));

        using var refused = await client.Charge(order, $"pay:{order}:1");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Empty(await client.Charges(order));

        await client.Chaos(new { });
        using var charged = await client.Charge(order, $"pay:{order}:1");
        Assert.Equal(HttpStatusCode.Created, charged.StatusCode);
        Assert.False(GatewayClient.IsReplayed(charged));
    }

    [Fact]
    public async Task A_hanging_gateway_never_answers_and_charges_nothing()
    {
        await client.Chaos(new { hangRate = 1 });

        var charge = client.Charge(order, $"pay:{order}:1");

        await Assert.ThrowsAsync<TimeoutException>(() => charge.WaitAsync(TimeSpan.FromSeconds(0.5), TestContext.Current.CancellationToken));
        Assert.Empty(await client.Charges(order));
    }

    [Fact]
    public async Task Unlucky_cards_are_declined()
    {
        await client.Chaos(new { declineRate = 1 });

        using var answer = await client.Charge(order, $"pay:{order}:1");

        Assert.Equal(HttpStatusCode.PaymentRequired, answer.StatusCode);
    }

    [Fact]
    public async Task A_slow_gateway_answers_late()
    {
        await client.Chaos(new { latencyMs = 300 });
        var started = Stopwatch.GetTimestamp();

        using var answer = await client.Charge(order, $"pay:{order}:1");

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.True(Stopwatch.GetElapsedTime(started) >= TimeSpan.FromMilliseconds(290));
    }

    [Fact]
    public async Task Impossible_settings_are_refused_by_name()
    {
        using var answer = await gateway.Process.Client.PutAsJsonAsync(
            "/chaos", new { latencyMs = -1, hangRate = 2 }, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(
            ["latencyMs", "hangRate"],
            (await GatewayClient.Json(answer)).GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    [Theory]
    [InlineData("""{"foo":2}""", "foo")]
    [InlineData("""{"down":true,"Latency":5}""", "Latency")]
    [InlineData("""{"down":true,"down":false}""", "down")]
    [InlineData("""{"down":true,"DOWN":false}""", "DOWN")]
    [InlineData("""{"latencyMs":"5"}""", "latencyMs")]
    [InlineData("""{"errorRate":"NaN"}""", "errorRate")]
    [InlineData("""{"down":"true"}""", "down")]
    [InlineData("""{"down":null}""", "down")]
    [InlineData("[]", "$")]
    public async Task Settings_that_are_not_understood_are_refused_by_name_and_change_nothing(string settings, string field)
    {
        await client.Chaos(new { latencyMs = 7 });

        using var content = new StringContent(settings, Encoding.UTF8, "application/json");
        using var answer = await gateway.Process.Client.PutAsync("/chaos", content, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal([field], (await GatewayClient.Json(answer)).GetProperty("errors").EnumerateObject().Select(error => error.Name));
        using var current = await gateway.Process.Client.GetAsync("/chaos", TestContext.Current.CancellationToken);
        Assert.Equal(7, (await GatewayClient.Json(current)).GetProperty("latencyMs").GetInt32());
    }
}
