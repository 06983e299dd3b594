using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.Tests.ServiceDefaults;

public sealed class ServiceDiscoveryTests
{
    [Theory]
    [InlineData("https+http://gateway/charges?x=1", "https://10.0.0.2:8443/charges?x=1")]
    [InlineData("http+https://gateway/charges", "http://10.0.0.1:8080/charges")]
    [InlineData("http://gateway/charges", "http://10.0.0.1:8080/charges")]
    [InlineData("https+http://orders/", "http://10.0.0.3:8080/")]
    [InlineData("http://_admin.orders/drain", "http://10.0.0.3:9090/ops/drain")]
    [InlineData("http://plain/x", "http://10.0.0.4:7000/x")]
    [InlineData("http://unknown:81/x", "http://unknown:81/x")]
    [InlineData("https+http://unknown/x", "https://unknown/x")]
    public async Task A_service_is_found_by_its_configured_endpoints(string asked, string sent)
    {
        await using var app = await Start(
            ("services:gateway:http:0", "http://10.0.0.1:8080"),
            ("services:gateway:https:0", "https://10.0.0.2:8443"),
            ("services:orders:http:0", "http://10.0.0.3:8080"),
            ("services:orders:admin:0", "http://10.0.0.3:9090/ops"),
            ("services:plain:http:0", "10.0.0.4:7000"));

        Assert.Equal([sent], await Send(app, asked));
    }

    [Fact]
    public async Task Several_endpoints_take_turns()
    {
        await using var app = await Start(
            ("services:gateway:http:0", "http://10.0.0.1:8080"),
            ("services:gateway:http:1", "http://10.0.0.2:8080"));

        var sent = await Send(app, [.. Enumerable.Repeat("http://gateway/", 10)]);

        Assert.Equal(5, sent.Count(address => address == "http://10.0.0.1:8080/"));
        Assert.Equal(5, sent.Count(address => address == "http://10.0.0.2:8080/"));
    }

    [Fact]
    public async Task A_changed_configuration_is_followed()
    {
        await using var app = await Start(("services:gateway:http:0", "http://10.0.0.1:8080"));
        Assert.Equal(["http://10.0.0.1:8080/"], await Send(app, "http://gateway/"));

        var configuration = (IConfigurationRoot)app.Services.GetRequiredService<IConfiguration>();
        configuration["services:gateway:http:0"] = "http://10.0.0.9:8080";
        configuration.Reload();

        await Eventually.True(
            "requests go to the new address",
            async () => (await Send(app, "http://gateway/")).Single() == "http://10.0.0.9:8080/");
    }

    private static Task<TestApp> Start(params (string, string?)[] settings) => TestApp.Start(
        builder => builder.Services.AddHttpClient("recorded").ConfigurePrimaryHttpMessageHandler(() => new Recorder()),
        settings: settings);

    private static async Task<List<string>> Send(TestApp app, params string[] addresses)
    {
        var client = app.Services.GetRequiredService<IHttpClientFactory>().CreateClient("recorded");
        var sent = new List<string>();
        foreach (var address in addresses)
        {
            using var answer = await client.GetAsync(address, TestContext.Current.CancellationToken);
            sent.Add(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        return sent;
    }

    /// <summary>Answers with the address that the request was sent to.</summary>
    private sealed class Recorder : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            => Task.FromResult(new HttpResponseMessage { Content = new StringContent(request.RequestUri!.AbsoluteUri) });
    }
}
