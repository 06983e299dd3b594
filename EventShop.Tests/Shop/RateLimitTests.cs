using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>One client that places orders faster than it may is slowed down, and no other.</summary>
public sealed class RateLimitTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_beyond_its_limit_is_refused_and_told_when_to_come_again_while_another_is_served()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("RateLimit__PerSecond", "2"), ("RateLimit__TrustedProxies", "127.0.0.1, ::1"));

        var refused = await RefusedAsync(shop, client: "192.0.2.7");
        using var other = await PostAsync(shop, "192.0.2.8");
        // What a client claims of itself comes before what the trusted proxy adds: it is not believed.
        using var spoofed = await UntilAsync(HttpStatusCode.TooManyRequests, () => PostAsync(shop, "198.51.100.1, 192.0.2.7"));
        // A customer's machine has a whole network of addresses.
        await RefusedAsync(shop, client: "2001:db8:1:2::1", then: "2001:db8:1:2::ffff");
        using var neighbour = await PostAsync(shop, "2001:db8:1:3::1");
        using var read = await GetAsync(shop, "192.0.2.7");

        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
        var problem = await refused.Content.ReadFromJsonAsync<JsonElement>(Cancelled);
        Assert.Contains("try again after Retry-After", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created, HttpStatusCode.OK), (other.StatusCode, neighbour.StatusCode, read.StatusCode));
        using var later = await UntilAsync(HttpStatusCode.Created, () => PostAsync(shop, "192.0.2.7"));
    }

    [Fact]
    public async Task Whom_a_client_says_it_speaks_for_does_not_count_unless_its_address_is_trusted()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("RateLimit__PerSecond", "2"));
        var client = 0;

        using var refused = await UntilAsync(HttpStatusCode.TooManyRequests, () => PostAsync(shop, $"192.0.2.{++client % 250}"));
    }

    [Theory]
    [InlineData("RateLimit__TrustedProxies", "nonsense", "10.1.0.0/16")]
    [InlineData("RateLimit__PerSecond", "-1", "0 to")]
    [InlineData("Telemetry__TrustedCallers", "10.0.0.0/99", "10.1.0.0/16")]
    [InlineData("EventStreams__PerClient", "0", "1 to")]
    [InlineData("EventStreams__KeepAlive", "00:00:00", "00:00:00.1")]
    public async Task A_wrong_setting_stops_the_service_with_a_line_that_names_it(string key, string value, string allowed)
    {
        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/OrderService", new Dictionary<string, string?> { [key] = value });

        Assert.Equal(1, exitCode);
        Assert.Contains(key.Replace("__", ":", StringComparison.Ordinal), errors, StringComparison.Ordinal);
        Assert.Contains(allowed, errors, StringComparison.Ordinal);
    }

    /// <summary>Many at once: however slow the machine is, more than two of them fall into one second.</summary>
    private static async Task<HttpResponseMessage> RefusedAsync(RunningShop shop, string client, string? then = null)
    {
        HttpResponseMessage? refused = null;
        await Eventually.True("one is refused", async () =>
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => PostAsync(shop, i % 2 == 0 ? client : then ?? client)));
            refused = Array.Find(answers, answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
            return refused is not null;
        }, TimeSpan.FromSeconds(90));
        return refused!;
    }

    private static async Task<HttpResponseMessage> UntilAsync(HttpStatusCode wished, Func<Task<HttpResponseMessage>> send)
    {
        HttpResponseMessage? found = null;
        await Eventually.True($"one is answered {wished}", async () =>
        {
            var answers = wished == HttpStatusCode.TooManyRequests
                ? await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => send()))
                : [await send()];
            found = Array.Find(answers, answer => answer.StatusCode == wished);
            return found is not null;
        }, TimeSpan.FromSeconds(90));
        return found!;
    }

    private static Task<HttpResponseMessage> PostAsync(RunningShop shop, string client) => SendAsync(shop, client, new(HttpMethod.Post, "/orders")
    {
        Content = JsonContent.Create(new { customerId = "c", items = new[] { new { sku = "SKU-1", quantity = 1 } }, paymentToken = "tok_ok" }),
    });

    private static Task<HttpResponseMessage> GetAsync(RunningShop shop, string client) => SendAsync(shop, client, new(HttpMethod.Get, "/orders"));

    private static async Task<HttpResponseMessage> SendAsync(RunningShop shop, string client, HttpRequestMessage request)
    {
        using (request)
        {
            request.Headers.Add("X-Forwarded-For", client);
            return await shop.OrderService.Client.SendAsync(request, Cancelled);
        }
    }
}
