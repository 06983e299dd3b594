using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace EventShop.Tests.ServiceDefaults;

public sealed class MetricsTests
{
    [Fact]
    public async Task Metrics_are_in_Prometheus_text_format()
    {
        using var meter = new Meter($"EventShop.Test.{Guid.NewGuid():N}");
        await using var app = await TestApp.Start();
        meter.CreateCounter<long>("shop.orders", "{order}", "Orders\nplaced \\ accepted").Add(3, new KeyValuePair<string, object?>("payment.state", "a \"b\" \\ c\nd"));
        meter.CreateHistogram<double>("shop.wait", "s").Record(0.02);
        meter.CreateUpDownCounter<long>("shop.queue", "By").Add(7);
        meter.CreateGauge<double>("shop.2.ratio", "1").Record(double.NaN);
        var scope = $"otel_scope_name=\"{meter.Name}\"";

        var text = await Scrape(app);

        Assert.Contains("# TYPE shop_orders_total counter\n# HELP shop_orders_total Orders\\nplaced \\\\ accepted\n", text);
        Assert.Contains($"shop_orders_total{{{scope},payment_state=\"a \\\"b\\\" \\\\ c\\nd\"}} 3\n", text);
        Assert.Contains("# TYPE shop_wait_seconds histogram\n", text);
        Assert.Contains($"shop_wait_seconds_bucket{{{scope},le=\"0\"}} 0\n", text);
        Assert.Contains($"shop_wait_seconds_bucket{{{scope},le=\"+Inf\"}} 1\n", text);
        Assert.Contains($"shop_wait_seconds_sum{{{scope}}} 0.02\n", text);
        Assert.Contains($"shop_wait_seconds_count{{{scope}}} 1\n", text);
        Assert.Contains($"# TYPE shop_queue_bytes gauge\nshop_queue_bytes{{{scope}}} 7\n", text);
        Assert.Contains($"shop_2_ratio{{{scope}}} NaN\n", text);
        Assert.Contains($"target_info{{service_name=\"{app.Name}\"", text);
    }

    [Fact]
    public async Task Requests_are_measured_by_route_and_probes_are_not()
    {
        await using var app = await TestApp.Start(map: app => app.MapGet("/orders/{id}", (int id) => TypedResults.Ok(id)));
        using var order = await app.Client.GetAsync("/orders/1", TestContext.Current.CancellationToken);
        using var probe = await app.Client.GetAsync("/health", TestContext.Current.CancellationToken);

        // The request is counted after its answer has been sent.
        var text = "";
        await Eventually.True("the request is counted", async () => (text = await Scrape(app)).Contains("http_route=\"/orders/{id}\","));

        Assert.Contains("# TYPE http_server_request_duration_seconds histogram\n", text);
        Assert.DoesNotMatch("http_server_request_duration_seconds_count{[^}]*http_route=\"/health\"", text);
        Assert.Contains("# TYPE dotnet_gc_collections_total counter\n", text);
    }

    private static async Task<string> Scrape(TestApp app)
    {
        using var answer = await app.Client.GetAsync("/metrics", TestContext.Current.CancellationToken);
        answer.EnsureSuccessStatusCode();
        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }
}
