using System.Diagnostics;
using EventShop.Hosting;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Instrumentation.AspNetCore;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace EventShop.ServiceDefaults;

internal static class TelemetryDefaults
{
    private static readonly PathString[] Untraced = ["/health", "/ready", "/alive", "/metrics"];

    /// <summary>
    /// Metrics can always be scraped. Traces and logs are made only when they go somewhere (<see cref="OtlpTargets" />);
    /// without that a request still has a trace id, which its events carry.
    /// </summary>
    public static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        var targets = OtlpTargets.From(builder.Configuration);
        var settings = builder.Configuration.GetValidated<TelemetryOptions>(TelemetryOptions.Section);
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => Name(resource, builder))
            .WithMetrics(metrics => targets.Export(Useful(FitForPrometheus(metrics))
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                .AddMeter("EventShop.*", "Npgsql")
                .AddPrometheusExporter()))
            .WithTracing(tracing => targets.Export(Sample(tracing, settings, targets, builder.Configuration)
                .AddSource(builder.Environment.ApplicationName, "EventShop.*")
                .AddSource(settings.DatabaseSpans ? ["Npgsql"] : [])
                .AddAspNetCoreInstrumentation(Requests)
                .AddHttpClientInstrumentation()));
        targets.ExportLogs(builder.Logging);
        builder.Services.AddHostedService<LastExport>();
    }

    // A name given by the orchestrator is already part of the default resource, and wins.
    private static void Name(ResourceBuilder resource, IHostApplicationBuilder builder)
    {
        if (string.IsNullOrEmpty(builder.Configuration["OTEL_SERVICE_NAME"]))
        {
            resource.AddService(builder.Environment.ApplicationName);
        }
    }

    // To Prometheus a name that ends in _count is part of a histogram; promtool refuses gauges of such names.
    private static MeterProviderBuilder FitForPrometheus(MeterProviderBuilder metrics) => metrics
        .AddView("db.client.connection.count", "db.client.connections.usage")
        .AddView("dotnet.assembly.count", MetricStreamConfiguration.Drop)
        .AddView("dotnet.process.cpu.count", MetricStreamConfiguration.Drop)
        .AddView("dotnet.timer.count", MetricStreamConfiguration.Drop);

    // Taken eight times for each request, to say what the request's own metrics say, or nothing that anybody asks.
    private static MeterProviderBuilder Useful(MeterProviderBuilder metrics) => metrics
        .AddView("http.server.active_requests", MetricStreamConfiguration.Drop)
        .AddView("aspnetcore.memory_pool.rented", MetricStreamConfiguration.Drop)
        .AddView("aspnetcore.routing.match_attempts", MetricStreamConfiguration.Drop)
        .AddView("aspnetcore.rate_limiting.active_request_leases", MetricStreamConfiguration.Drop)
        .AddView("aspnetcore.rate_limiting.request_lease.duration", MetricStreamConfiguration.Drop);

    // The standard variable wins over the setting. The SDK reads it by itself, and only while no sampler has been set.
    private static TracerProviderBuilder Sample(
        TracerProviderBuilder tracing, TelemetryOptions settings, OtlpTargets targets, IConfiguration configuration)
        => targets.TakeTraces switch
        {
            false => tracing.SetSampler(new AlwaysOffSampler()),
            true when string.IsNullOrEmpty(configuration["OTEL_TRACES_SAMPLER"])
                => tracing.SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(settings.SamplingRatio))),
            true => tracing,
        };

    private static void Requests(AspNetCoreTraceInstrumentationOptions options)
    {
        options.Filter = context => !Untraced.Contains(context.Request.Path);
        options.EnrichWithHttpResponse = Fail;
    }

    // Exceptions are answered with a problem document further in, where the instrumentation does not see them: it knows of such a
    // request that it failed, and gives the status code as its error.type.
    private static void Fail(Activity activity, HttpResponse response)
    {
        if (response.StatusCode >= StatusCodes.Status500InternalServerError
            && response.HttpContext.Features.Get<IExceptionHandlerFeature>()?.Error is { } exception)
        {
            activity.SetTag("error.type", exception.GetType().FullName);
            activity.AddException(exception);
        }
    }
}
