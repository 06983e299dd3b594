using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.Tests.ServiceDefaults;

public sealed class OtlpTests
{
    [Fact]
    public async Task All_signals_go_to_the_collector_and_traces_to_Jaeger_as_well()
    {
        var (collected, jaegerCollected) = (new ConcurrentDictionary<string, int>(), new ConcurrentDictionary<string, int>());
        await using var collector = await Collector(collected, HttpProtocols.Http1);
        await using var jaeger = await Collector(jaegerCollected, HttpProtocols.Http2);
        await using (var app = await TestApp.Start(
            builder => builder.Logging.SetMinimumLevel(LogLevel.Information),
            app => app.MapGet("/orders", () => TypedResults.Ok()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.Single()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-otlp-api-key=secret"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
            ("JAEGER_OTLP_ENDPOINT", jaeger.Urls.Single())))
        {
            using var answer = await app.Client.GetAsync("/orders", TestContext.Current.CancellationToken);
            // The log exporter makes its client with the first batch, which the SDK does not manage while stopping.
            await Eventually.True("logs are collected", () => Task.FromResult(collected.ContainsKey("/v1/logs secret")));
        }

        // Stopping has flushed the rest.
        Assert.Equal(["/v1/logs secret", "/v1/metrics secret", "/v1/traces secret"], collected.Keys.Order());
        Assert.Equal(["/opentelemetry.proto.collector.trace.v1.TraceService/Export "], jaegerCollected.Keys);
    }

    private static async Task<WebApplication> Collector(ConcurrentDictionary<string, int> received, HttpProtocols protocols)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        var app = builder.Build();
        app.Run(context =>
        {
            received.AddOrUpdate($"{context.Request.Path} {context.Request.Headers["x-otlp-api-key"]}", 1, (_, count) => count + 1);
            return Task.CompletedTask;
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }
}
