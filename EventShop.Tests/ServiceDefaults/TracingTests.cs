using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace EventShop.Tests.ServiceDefaults;

public sealed class TracingTests
{
    [Fact]
    public async Task A_request_is_a_server_span_named_by_its_route()
    {
        using var spans = new Spans();
        await using var app = await TestApp.Start(map: app => app.MapGet("/orders/{id}", (int id) => TypedResults.Ok(id)));

        using var answer = await app.Client.SendAsync(spans.Request("/orders/42?card=4242"), TestContext.Current.CancellationToken);

        var span = await spans.Server();
        Assert.Equal(ActivityKind.Server, span.Kind);
        Assert.Equal("GET /orders/{id}", span.DisplayName);
        Assert.Equal("GET", span.GetTagItem("http.request.method"));
        Assert.Equal("/orders/{id}", span.GetTagItem("http.route"));
        Assert.Equal("/orders/42", span.GetTagItem("url.path"));
        Assert.Equal("?card=Redacted", span.GetTagItem("url.query"));
        Assert.Equal("http", span.GetTagItem("url.scheme"));
        Assert.Equal("127.0.0.1", span.GetTagItem("server.address"));
        Assert.Equal(app.Client.BaseAddress!.Port, span.GetTagItem("server.port"));
        Assert.Equal("1.1", span.GetTagItem("network.protocol.version"));
        Assert.Equal(200, span.GetTagItem("http.response.status_code"));
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
        Assert.Null(span.GetTagItem("error.type"));
    }

    [Fact]
    public async Task A_failed_request_is_a_failed_span()
    {
        using var spans = new Spans();
        await using var app = await TestApp.Start(map: app => app.MapGet("/fails", string () => throw new InvalidOperationException()));

        using var answer = await app.Client.SendAsync(spans.Request("/fails"), TestContext.Current.CancellationToken);

        var span = await spans.Server();
        Assert.Equal("GET /fails", span.DisplayName);
        Assert.Equal(500, span.GetTagItem("http.response.status_code"));
        Assert.Equal(ActivityStatusCode.Error, span.Status);
        Assert.Equal("System.InvalidOperationException", span.GetTagItem("error.type"));
        // Each app of this process adds it, those of other tests too.
        Assert.All(span.Events, e => Assert.Equal("exception", e.Name));
        Assert.NotEmpty(span.Events);
    }

    [Fact]
    public async Task A_client_error_is_no_failed_span()
    {
        using var spans = new Spans();
        await using var app = await TestApp.Start();

        using var answer = await app.Client.SendAsync(spans.Request("/nowhere"), TestContext.Current.CancellationToken);

        var span = await spans.Server();
        Assert.Equal("GET", span.DisplayName);
        Assert.Equal(404, span.GetTagItem("http.response.status_code"));
        Assert.Equal(ActivityStatusCode.Unset, span.Status);
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/ready")]
    [InlineData("/alive")]
    [InlineData("/metrics")]
    public async Task Probes_are_not_traced(string path)
    {
        using var spans = new Spans();
        await using var app = await TestApp.Start();

        using var answer = await app.Client.SendAsync(spans.Request(path), TestContext.Current.CancellationToken);

        var span = await spans.Server();
        Assert.False(span.Recorded);
        Assert.Null(span.GetTagItem("http.response.status_code"));
    }

    /// <summary>Listens to one trace, so that tests running beside this one do not matter.</summary>
    private sealed class Spans : IDisposable
    {
        private readonly ActivityTraceId trace = ActivityTraceId.CreateRandom();
        private readonly ConcurrentQueue<Activity> stopped = new();
        private readonly ActivityListener listener;

        public Spans()
        {
            listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == "Microsoft.AspNetCore",
                Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                    options.TraceId == trace ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
                ActivityStopped = activity =>
                {
                    if (activity.TraceId == trace)
                    {
                        stopped.Enqueue(activity);
                    }
                },
            };
            ActivitySource.AddActivityListener(listener);
        }

        public HttpRequestMessage Request(string path)
            => new(HttpMethod.Get, path) { Headers = { { "traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01" } } };

        public async Task<Activity> Server()
        {
            await Eventually.True("the server span has ended", () => Task.FromResult(!stopped.IsEmpty));
            return Assert.Single(stopped);
        }

        public void Dispose() => listener.Dispose();
    }
}
