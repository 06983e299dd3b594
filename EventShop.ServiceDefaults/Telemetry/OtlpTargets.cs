using EventShop.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace EventShop.ServiceDefaults;

/// <summary>
/// Where telemetry is sent: to the OTLP endpoint of the standard variables (the Aspire dashboard, a collector), and traces
/// also to Jaeger. All of it leaves through bounded queues that drop: an absent or slow collector costs data, never a request.
/// </summary>
/// <remarks><c>UseOtlpExporter</c> would be shorter but excludes a second exporter.</remarks>
internal sealed record OtlpTargets(bool Default, Uri? Jaeger)
{
    public bool TakeTraces => Default || Jaeger is not null;

    /// <summary>Reads OTEL_EXPORTER_OTLP_ENDPOINT and JAEGER_OTLP_ENDPOINT.</summary>
    /// <exception cref="StartupException">An endpoint is not an absolute URL.</exception>
    public static OtlpTargets From(IConfiguration configuration) => new(
        Url(configuration, "OTEL_EXPORTER_OTLP_ENDPOINT") is not null,
        Url(configuration, "JAEGER_OTLP_ENDPOINT"));

    public void Export(MeterProviderBuilder metrics)
    {
        if (Default)
        {
            metrics.AddOtlpExporter();
        }
    }

    public void Export(TracerProviderBuilder tracing)
    {
        if (Default)
        {
            tracing.AddOtlpExporter();
        }

        if (Jaeger is not null)
        {
            tracing.AddOtlpExporter("jaeger", otlp =>
            {
                otlp.Endpoint = Jaeger;
                otlp.Protocol = OtlpExportProtocol.Grpc;
                // The standard variable's headers hold the other target's key.
                otlp.Headers = "";
            });
        }
    }

    public void ExportLogs(ILoggingBuilder logging)
    {
        if (Default)
        {
            logging.AddOpenTelemetry(logs =>
            {
                logs.IncludeFormattedMessage = true;
                logs.IncludeScopes = true;
                logs.AddOtlpExporter();
            });
        }
    }

    private static Uri? Url(IConfiguration configuration, string key) => configuration[key] switch
    {
        null or "" => null,
        var value when Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" => url,
        var value => throw new StartupException($"{key} must be an http or https URL, but is '{value}'."),
    };
}
