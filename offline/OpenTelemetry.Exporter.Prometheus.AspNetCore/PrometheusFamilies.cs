using OpenTelemetry.Metrics;

namespace OpenTelemetry.Exporter.Prometheus;

/// <summary>Metrics of one name, whichever meters they come from: Prometheus wants them together, under one TYPE line.</summary>
internal sealed record PrometheusFamily(string Name, string Type, List<Metric> Metrics)
{
    public string Help => Metrics.Select(metric => metric.Description).FirstOrDefault(text => !string.IsNullOrEmpty(text)) ?? "";
}

/// <summary>Groups metrics into families; names are worked out once per metric.</summary>
internal sealed class PrometheusFamilies
{
    private readonly Dictionary<Metric, string> names = [];

    /// <summary>In order of first appearance. A name used by metrics of different types is left out: the format forbids it.</summary>
    public IEnumerable<PrometheusFamily> Of(in Batch<Metric> batch)
    {
        var families = new OrderedDictionary<string, PrometheusFamily>(StringComparer.Ordinal);
        var conflicting = new HashSet<string>(StringComparer.Ordinal);
        foreach (var metric in batch)
        {
            if (TypeOf(metric.MetricType) is not { } type)
            {
                continue;
            }

            if (!names.TryGetValue(metric, out var name))
            {
                names[metric] = name = PrometheusName.Of(metric.Name, metric.Unit, isCounter: type == "counter");
            }

            if (!families.TryGetValue(name, out var family))
            {
                families.Add(name, family = new PrometheusFamily(name, type, []));
            }

            if (family.Type != type)
            {
                conflicting.Add(name);
            }

            family.Metrics.Add(metric);
        }

        return conflicting.Count == 0 ? families.Values : families.Values.Where(family => !conflicting.Contains(family.Name));
    }

    private static string? TypeOf(MetricType type) => type switch
    {
        MetricType.LongSum or MetricType.DoubleSum => "counter",
        MetricType.LongGauge or MetricType.DoubleGauge => "gauge",
        MetricType.LongSumNonMonotonic or MetricType.DoubleSumNonMonotonic => "gauge",
        MetricType.Histogram => "histogram",
        // Exponential histograms have no form in the text format.
        _ => null,
    };
}
