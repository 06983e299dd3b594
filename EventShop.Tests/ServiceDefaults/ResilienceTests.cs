using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace EventShop.Tests.ServiceDefaults;

public sealed class ResilienceTests
{
    [Fact]
    public async Task A_read_is_tried_again_after_a_transient_failure()
    {
        var server = new Server(HttpStatusCode.ServiceUnavailable, HttpStatusCode.TooManyRequests, HttpStatusCode.OK);
        await using var app = await Start(server);

        using var answer = await Client(app).GetAsync("http://gateway/charges", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(3, server.Requests);
    }

    [Theory]
    [InlineData("9999999")]
    [InlineData("2147483647")]
    [InlineData("Thu, 31 Dec 2099 23:59:59 GMT")]
    public async Task A_server_that_wants_to_be_left_alone_for_months_is_asked_again_within_seconds(string retryAfter)
    {
        var server = new Server(HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK) { RetryAfter = retryAfter };
        await using var app = await Start(server);

        using var answer = await Client(app).GetAsync("http://gateway/charges", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(2, server.Requests);
    }

    [Fact]
    public async Task A_read_is_given_up_after_four_attempts()
    {
        var server = new Server(HttpStatusCode.ServiceUnavailable);
        await using var app = await Start(server);

        using var answer = await Client(app).GetAsync("http://gateway/charges", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(4, server.Requests);
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task What_changes_something_is_tried_once(string method)
    {
        var server = new Server(HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK);
        await using var app = await Start(server);
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://gateway/charges");

        using var answer = await Client(app).SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(1, server.Requests);
    }

    [Fact]
    public async Task A_client_error_is_not_tried_again()
    {
        var server = new Server(HttpStatusCode.NotFound, HttpStatusCode.OK);
        await using var app = await Start(server);

        using var answer = await Client(app).GetAsync("http://gateway/charges", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task A_server_that_keeps_failing_is_left_alone()
    {
        var server = new Server(HttpStatusCode.InternalServerError);
        await using var app = await Start(server);
        var client = Client(app);
        for (var i = 0; i < 100; i++)
        {
            using var answer = await client.PostAsync("http://gateway/charges", null, TestContext.Current.CancellationToken);
        }

        await Assert.ThrowsAsync<BrokenCircuitException>(
            () => client.PostAsync("http://gateway/charges", null, TestContext.Current.CancellationToken));
        Assert.Equal(100, server.Requests);
        using var other = await client.PostAsync("http://elsewhere/", null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.InternalServerError, other.StatusCode);
    }

    [Fact]
    public async Task An_attempt_has_a_time_limit()
    {
        var server = new Server(Server.Hangs);
        await using var app = await TestApp.Start(builder =>
        {
            var client = builder.Services.AddHttpClient("limited").ConfigurePrimaryHttpMessageHandler(() => server);
#pragma warning disable EXTEXP0001
            client.RemoveAllResilienceHandlers();
#pragma warning restore EXTEXP0001
            client.AddStandardResilienceHandler(options =>
            {
                options.AttemptTimeout.Timeout = TimeSpan.FromMilliseconds(100);
                options.TotalRequestTimeout.Timeout = TimeSpan.FromSeconds(5);
                options.Retry.MaxRetryAttempts = 1;
                options.Retry.Delay = TimeSpan.Zero;
            });
        });

        await Assert.ThrowsAsync<TimeoutRejectedException>(() => app.Services.GetRequiredService<IHttpClientFactory>()
            .CreateClient("limited").GetAsync("http://gateway/charges", TestContext.Current.CancellationToken));
        Assert.Equal(2, server.Requests);
    }

    private static Task<TestApp> Start(Server server)
        => TestApp.Start(builder => builder.Services.AddHttpClient("gateway").ConfigurePrimaryHttpMessageHandler(() => server));

    private static HttpClient Client(TestApp app) => app.Services.GetRequiredService<IHttpClientFactory>().CreateClient("gateway");

    /// <summary>Answers with these codes in turn, the last one for good; asks for retries at once.</summary>
    private sealed class Server(params HttpStatusCode[] codes) : HttpMessageHandler
    {
        public const HttpStatusCode Hangs = 0;

        private int requests;

        public int Requests => requests;

        public string RetryAfter { get; init; } = "0";

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var code = codes[Math.Min(Interlocked.Increment(ref requests), codes.Length) - 1];
            if (code == Hangs)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            }

            return new HttpResponseMessage(code)
            {
                RequestMessage = request,
                Headers = { RetryAfter = RetryConditionHeaderValue.Parse(RetryAfter) },
            };
        }
    }
}
