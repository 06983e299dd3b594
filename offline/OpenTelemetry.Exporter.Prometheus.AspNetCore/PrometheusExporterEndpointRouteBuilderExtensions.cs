using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Exporter.Prometheus;
using OpenTelemetry.Metrics;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the endpoint that Prometheus scrapes.</summary>
public static class PrometheusExporterEndpointRouteBuilderExtensions
{
    /// <summary>Maps it at <see cref="PrometheusAspNetCoreOptions.ScrapeEndpointPath" />, "/metrics" by default.</summary>
    public static IEndpointConventionBuilder MapPrometheusScrapingEndpoint(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);

        var services = endpoints.ServiceProvider;
        _ = services.GetRequiredService<MeterProvider>();
        var exporter = services.GetRequiredService<PrometheusExporter>();
        var path = services.GetRequiredService<IOptions<PrometheusAspNetCoreOptions>>().Value.ScrapeEndpointPath;

        return endpoints
            .Map(path ?? new PrometheusAspNetCoreOptions().ScrapeEndpointPath!, context => Answer(context, exporter))
            .WithDisplayName("OpenTelemetry Prometheus Exporter");
    }

    private static async Task Answer(HttpContext context, PrometheusExporter exporter)
    {
        var scrape = await exporter.Scrape(context.RequestAborted).ConfigureAwait(false);
        var response = context.Response;
        if (scrape is null)
        {
            response.StatusCode = StatusCodes.Status500InternalServerError;
            return;
        }

        if (scrape.Text.Length > 0)
        {
            response.Headers.LastModified = scrape.At.ToString("R");
            response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            response.ContentLength = scrape.Text.Length;
            await response.Body.WriteAsync(scrape.Text, context.RequestAborted).ConfigureAwait(false);
        }
    }
}
