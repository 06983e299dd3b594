namespace OpenTelemetry.Exporter;

/// <summary>How metrics are shown to Prometheus.</summary>
public class PrometheusAspNetCoreOptions
{
    /// <summary>Where <c>MapPrometheusScrapingEndpoint()</c> puts the endpoint. Default "/metrics".</summary>
    public string? ScrapeEndpointPath { get; set; } = "/metrics";

    /// <summary>How long one collection serves every scrape, in milliseconds; 0 collects for each. Default 300.</summary>
    public int ScrapeResponseCacheDurationMilliseconds
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    } = 300;

    /// <summary>Whether a series names the meter it comes from (otel_scope_*). Default true.</summary>
    public bool ScopeInfoEnabled { get; set; } = true;

    /// <summary>Whether the resource is shown as target_info. Default true.</summary>
    public bool TargetInfoEnabled { get; set; } = true;
}
