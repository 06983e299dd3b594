using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;

namespace OpenTelemetry.Exporter.Prometheus;

/// <summary>
/// Collects when scraped. Scrapes that come together, or within the cache's time, share one collection, so that no number
/// of scrapers makes the application collect more often than that.
/// </summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusExporter(IOptions<PrometheusAspNetCoreOptions> options) : BaseExporter<Metric>, IPullMetricExporter
{
    private readonly SemaphoreSlim collecting = new(1, 1);
    private readonly PrometheusAspNetCoreOptions settings = options.Value;
    private readonly PrometheusFamilies families = new();
    private byte[] exported = [];
    private Scraped? last;

    public Func<int, bool>? Collect { get; set; }

    /// <summary>The metrics in Prometheus' text format; null when they could not be collected.</summary>
    public async Task<Scraped?> Scrape(CancellationToken cancellationToken)
    {
        await collecting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var lifetime = TimeSpan.FromMilliseconds(settings.ScrapeResponseCacheDurationMilliseconds);
            if (last is not null && TimeProvider.System.GetElapsedTime(last.Timestamp) < lifetime)
            {
                return last;
            }

            // Without a reader telemetry is switched off: an empty answer, not an error.
            if (Collect is { } collect && !collect(Timeout.Infinite))
            {
                return null;
            }

            return last = new Scraped(exported, TimeProvider.System.GetUtcNow(), TimeProvider.System.GetTimestamp());
        }
        finally
        {
            collecting.Release();
        }
    }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        var text = new PrometheusText(Math.Max(exported.Length, 16 * 1024), settings.ScopeInfoEnabled);
        if (settings.TargetInfoEnabled)
        {
            text.WriteTarget(ParentProvider.GetResource());
        }

        foreach (var family in families.Of(batch))
        {
            text.Write(family);
        }

        exported = text.ToArray();
        return ExportResult.Success;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            collecting.Dispose();
        }

        base.Dispose(disposing);
    }

    internal sealed record Scraped(byte[] Text, DateTimeOffset At, long Timestamp);
}
