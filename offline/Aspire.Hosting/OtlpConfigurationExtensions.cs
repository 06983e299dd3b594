using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

public static class OtlpConfigurationExtensions
{
    /// <summary>
    /// The OpenTelemetry variables of a service. The real one always points at its dashboard; here the AppHost's own
    /// <c>OTEL_EXPORTER_OTLP_*</c> are passed on if it has any, and otherwise name its page, if that is not disabled.
    /// </summary>
    public static IResourceBuilder<T> WithOtlpExporter<T>(this IResourceBuilder<T> builder) where T : IResourceWithEnvironment
    {
        if (builder.Resource.HasAnnotationOfType<OtlpExporter>() || builder.ApplicationBuilder.ExecutionContext.IsPublishMode)
            return builder;
        var configuration = builder.ApplicationBuilder.Configuration;
        var development = builder.ApplicationBuilder.Environment.IsDevelopment();
        return builder.WithAnnotation(new OtlpExporter()).WithEnvironment(context =>
        {
            var variables = context.EnvironmentVariables;
            if (configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 } endpoint)
            {
                variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
                variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = configuration["OTEL_EXPORTER_OTLP_PROTOCOL"] ?? "grpc";
                if (configuration["OTEL_EXPORTER_OTLP_HEADERS"] is { Length: > 0 } headers)
                    variables["OTEL_EXPORTER_OTLP_HEADERS"] = headers;
            }
            else if (configuration[Dashboard.DashboardServer.OtlpEndpointKey] is { } page)
            {
                variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = page;
                variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
            }
            variables["OTEL_SERVICE_NAME"] = context.Resource.Name;
            variables["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={Running.LaunchPlan.InstanceMarker}";
            if (!development)
                return;
            variables["OTEL_BLRP_SCHEDULE_DELAY"] = "1000";
            variables["OTEL_BSP_SCHEDULE_DELAY"] = "1000";
            variables["OTEL_METRIC_EXPORT_INTERVAL"] = "1000";
            variables["OTEL_TRACES_SAMPLER"] = "always_on";
            variables["OTEL_METRICS_EXEMPLAR_FILTER"] = "trace_based";
        });
    }
}
