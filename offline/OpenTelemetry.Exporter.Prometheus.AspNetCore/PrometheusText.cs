using System.Buffers;
using System.Globalization;
using System.Text;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace OpenTelemetry.Exporter.Prometheus;

/// <summary>Writes Prometheus' text exposition format, version 0.0.4.</summary>
internal sealed class PrometheusText(int sizeHint, bool scopeInfo)
{
    private readonly ArrayBufferWriter<byte> buffer = new(sizeHint);

    public byte[] ToArray() => buffer.WrittenSpan.ToArray();

    /// <summary>What the process is, as the labels of a gauge that is always 1.</summary>
    public void WriteTarget(Resource resource)
    {
        if (!resource.Attributes.Any())
        {
            return;
        }

        Write("# TYPE target_info gauge\n# HELP target_info Target metadata\ntarget_info{");
        Write(PrometheusLabels.Of(resource.Attributes));
        Write("} 1\n");
    }

    public void Write(PrometheusFamily family)
    {
        Write($"# TYPE {family.Name} {family.Type}\n");
        if (family.Help.Length > 0)
        {
            Write($"# HELP {family.Name} {family.Help.Replace("\\", "\\\\").Replace("\n", "\\n")}\n");
        }

        foreach (var metric in family.Metrics)
        {
            foreach (ref readonly var point in metric.GetMetricPoints())
            {
                if (metric.MetricType == MetricType.Histogram)
                {
                    WriteHistogram(family.Name, PrometheusLabels.Of(metric, point.Tags, scopeInfo, reserved: "le"), in point);
                }
                else
                {
                    WriteSample(family.Name, PrometheusLabels.Of(metric, point.Tags, scopeInfo), Value(metric.MetricType, in point));
                }
            }
        }
    }

    private void WriteHistogram(string name, string labels, in MetricPoint point)
    {
        var bucketName = name + "_bucket";
        var separator = labels.Length > 0 ? "," : "";
        var count = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            count += bucket.BucketCount;
            WriteSample(bucketName, $"{labels}{separator}le=\"{Number(bucket.ExplicitBound)}\"", Number(count));
        }

        WriteSample(name + "_sum", labels, Number(point.GetHistogramSum()));
        WriteSample(name + "_count", labels, Number(point.GetHistogramCount()));
    }

    private void WriteSample(string name, string labels, string value)
    {
        Write(name);
        if (labels.Length > 0)
        {
            Write("{");
            Write(labels);
            Write("}");
        }

        Write(" ");
        Write(value);
        Write("\n");
    }

    private void Write(string text) => Encoding.UTF8.GetBytes(text, buffer);

    private static string Value(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic => Number(point.GetSumLong()),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => Number(point.GetSumDouble()),
        MetricType.LongGauge => Number(point.GetGaugeLastValueLong()),
        _ => Number(point.GetGaugeLastValueDouble()),
    };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        double.NaN => "NaN",
        _ => value.ToString(CultureInfo.InvariantCulture),
    };
}
