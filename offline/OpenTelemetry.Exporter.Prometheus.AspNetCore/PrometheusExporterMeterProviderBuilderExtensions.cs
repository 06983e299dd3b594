using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Exporter;
using OpenTelemetry.Exporter.Prometheus;

namespace OpenTelemetry.Metrics;

/// <summary>Adds Prometheus as a reader of metrics.</summary>
public static class PrometheusExporterMeterProviderBuilderExtensions
{
    /// <summary>Metrics are collected when they are scraped.</summary>
    public static MeterProviderBuilder AddPrometheusExporter(this MeterProviderBuilder builder)
        => builder.AddPrometheusExporter(_ => { });

    /// <inheritdoc cref="AddPrometheusExporter(MeterProviderBuilder)" />
    public static MeterProviderBuilder AddPrometheusExporter(
        this MeterProviderBuilder builder,
        Action<PrometheusAspNetCoreOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);

        builder.ConfigureServices(services =>
        {
            services.Configure(configure);
            services.TryAddSingleton<PrometheusExporter>();
        });
        return builder.AddReader(services => new BaseExportingMetricReader(services.GetRequiredService<PrometheusExporter>())
        {
            TemporalityPreference = MetricReaderTemporalityPreference.Cumulative,
        });
    }
}
