using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
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

    [Fact]
    public async Task A_sampling_ratio_of_zero_exports_no_trace_that_begins_here()
    {
        var collected = new ConcurrentDictionary<string, int>();
        await using var collector = await Collector(collected, HttpProtocols.Http1);
        await using (var app = await TestApp.Start(
            null,
            app => app.MapGet("/orders", () => TypedResults.Ok()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.Single()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("Telemetry:SamplingRatio", "0")))
        {
            using var answer = await app.Client.SendAsync(new(HttpMethod.Get, "/orders"), TestContext.Current.CancellationToken);
        }

        Assert.Contains("/v1/metrics ", collected.Keys);
        Assert.DoesNotContain("/v1/traces ", collected.Keys);
    }

    [Fact]
    public async Task A_collector_that_never_answers_blocks_no_request()
    {
        // Accepts connections by its backlog alone.
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var app = await TestApp.Start(
            null,
            app => app.MapGet("/orders", () => TypedResults.Ok()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://{silent.LocalEndpoint}"),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"));
        var started = Stopwatch.GetTimestamp();

        for (var i = 0; i < 200; i++)
        {
            using var answer = await app.Client.GetAsync("/orders", TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5));
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
