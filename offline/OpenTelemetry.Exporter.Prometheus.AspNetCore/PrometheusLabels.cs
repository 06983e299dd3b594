using System.Globalization;
using System.Text;
using OpenTelemetry.Metrics;

namespace OpenTelemetry.Exporter.Prometheus;

/// <summary>The part between the braces: <c>otel_scope_name="EventShop.Orders",status="Paid"</c>.</summary>
internal static class PrometheusLabels
{
    public static string Of(Metric metric, ReadOnlyTagCollection tags, bool scopeInfo, string? reserved = null)
    {
        var labels = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        if (scopeInfo)
        {
            AddScope(labels, metric);
        }

        foreach (var tag in tags)
        {
            if (tag.Key != reserved)
            {
                Add(labels, tag.Key, tag.Value);
            }
        }

        return Join(labels);
    }

    public static string Of(IEnumerable<KeyValuePair<string, object>> attributes)
    {
        var labels = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in attributes)
        {
            Add(labels, key, value);
        }

        return Join(labels);
    }

    private static void AddScope(OrderedDictionary<string, string> labels, Metric metric)
    {
        Add(labels, "otel_scope_name", metric.MeterName);
        if (!string.IsNullOrEmpty(metric.MeterVersion))
        {
            Add(labels, "otel_scope_version", metric.MeterVersion);
        }

        foreach (var (key, value) in metric.MeterTags ?? [])
        {
            if ($"otel_scope_{key}" is var label && !labels.ContainsKey(PrometheusName.OfLabel(label)))
            {
                Add(labels, label, value);
            }
        }
    }

    // Two keys that become one label keep both values, as the specification wants.
    private static void Add(OrderedDictionary<string, string> labels, string key, object? value)
    {
        var name = PrometheusName.OfLabel(key);
        var text = Text(value);
        labels[name] = labels.TryGetValue(name, out var earlier) ? $"{earlier};{text}" : text;
    }

    private static string Text(object? value) => value switch
    {
        null => "",
        string text => text,
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static string Join(OrderedDictionary<string, string> labels)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in labels)
        {
            text.Append(text.Length > 0 ? "," : "").Append(name).Append("=\"");
            foreach (var c in value)
            {
                _ = c switch
                {
                    '\\' => text.Append(@"\\"),
                    '"' => text.Append("\\\""),
                    '\n' => text.Append(@"\n"),
                    _ => text.Append(c),
                };
            }

            text.Append('"');
        }

        return text.ToString();
    }
}
