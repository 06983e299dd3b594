using System.Net;
using System.Net.Sockets;
using EventShop.Demo.Otlp;
using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace EventShop.Tests.Telemetry;

/// <summary>Telemetry goes to the standard target and to Jaeger; a target that is in trouble is no trouble of the shop.</summary>
public sealed class CollectorTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Traces_go_to_the_standard_target_and_to_Jaeger_and_either_may_be_missing()
    {
        await using var collector = await OtlpReceiver.StartAsync();
        await using var jaeger = await OtlpReceiver.StartAsync();
        await using var both = await LoneGateway.StartAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint), ("JAEGER_OTLP_ENDPOINT", jaeger.Endpoint));
        await using var onlyJaeger = await LoneGateway.StartAsync(("JAEGER_OTLP_ENDPOINT", jaeger.Endpoint));

        await both.GetAsync("/charges");
        await onlyJaeger.GetAsync("/chaos");

        await Eventually.True("Jaeger has both", () => Paths(jaeger) == "/chaos /charges", TracedShop.Patience);
        await Eventually.True("the collector has one", () => Paths(collector) == "/charges", TracedShop.Patience);

        static string Paths(OtlpReceiver receiver) => string.Join(' ', receiver.Spans.Select(span => span.Attributes["url.path"]).Order());
    }

    [Theory]
    [InlineData("absent")]
    [InlineData("refusing")]
    [InlineData("hanging")]
    public async Task A_shop_whose_collector_is_in_trouble_sells_as_ever_and_stops_as_it_should(string trouble)
    {
        await using var collector = await TroubledCollector.StartAsync(trouble);
        await using var shop = await RunningShop.StartAsync(postgres,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Url), ("JAEGER_OTLP_ENDPOINT", collector.Url),
            // Full at once, so that what is exported has to be dropped.
            ("OTEL_BSP_SCHEDULE_DELAY", "10"), ("OTEL_BSP_MAX_QUEUE_SIZE", "16"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "10"), ("OTEL_METRIC_EXPORT_INTERVAL", "100"));

        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, _) => await shop.PlaceAsync());

        await shop.AllSettledAsync(TracedShop.Patience);
        Assert.Equal(200L, await shop.OrdersAsync("select count(*) from orders where status = 'Paid'"));
        Assert.True(trouble is "absent" || collector.Calls > 0, "nobody tried to export");
        foreach (var service in new[] { shop.OrderService, shop.PaymentService, shop.Gateway })
            Assert.Equal(0, await service.Terminate());
    }

    /// <summary>A port where nobody listens, or somebody who says no, or somebody who says nothing.</summary>
    private sealed class TroubledCollector : IAsyncDisposable
    {
        private int _calls;
        private WebApplication? _app;

        public string Url { get; private set; } = "";

        public int Calls => _calls;

        public static async Task<TroubledCollector> StartAsync(string trouble)
        {
            var collector = new TroubledCollector();
            if (trouble == "absent")
            {
                collector.Url = $"http://127.0.0.1:{FreePort.Take()}";
                return collector;
            }
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(server =>
                server.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
            var app = collector._app = builder.Build();
            app.Run(async context =>
            {
                Interlocked.Increment(ref collector._calls);
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                if (trouble == "hanging")
                    await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            });
            await app.StartAsync();
            collector.Url = app.Urls.Single();
            return collector;
        }

        public async ValueTask DisposeAsync()
        {
            if (_app is not null)
                await _app.DisposeAsync();
        }
    }
}
