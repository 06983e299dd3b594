using System.Globalization;
using System.Text;
using EventShop.Demo.Otlp;

namespace EventShop.Demo;

/// <summary>One trace as text: a line for each span, children below their parent, with a bar that shows when.</summary>
internal sealed class Waterfall
{
    private const int BarWidth = 40;
    private const double NanosecondsPerMillisecond = 1_000_000;

    private readonly Span[] _spans;

    private Waterfall(Span[] spans) => _spans = spans;

    /// <summary>
    /// The order's last step is here, and so are every parent and the other side of every HTTP call: they are exported in no order.
    /// </summary>
    public bool IsComplete =>
        _spans.Any(span => span.Name is "publish orders.paid" or "publish orders.declined")
        && _spans.All(span => span.ParentId is null || Array.Exists(_spans, other => other.SpanId == span.ParentId))
        && _spans.All(span => !IsHttpCall(span) || Array.Exists(_spans, other => other.ParentId == span.SpanId));

    // The name of its span is the method, and nothing else.
    private static bool IsHttpCall(Span span) => span is { Kind: SpanKind.Client, Name: "POST" or "GET" };

    public static Waterfall Of(IEnumerable<Span> spans, string traceId) =>
        new([.. spans.Where(span => span.TraceId == traceId).OrderBy(span => span.Start)]);

    public string Draw()
    {
        var (begin, end) = (_spans.Min(span => span.Start), _spans.Max(span => span.End));
        var services = _spans.Max(span => span.Service.Length);
        var text = new StringBuilder();
        foreach (var root in _spans.Where(span => span.ParentId is null))
            Append(root, 0);
        return text.ToString();

        void Append(Span span, int depth)
        {
            var from = (int)((span.Start - begin) * BarWidth / Math.Max(1, end - begin));
            var to = (int)((span.End - begin) * BarWidth / Math.Max(1, end - begin));
            // However short, it is seen; and what begins at the very end still fits.
            from = Math.Min(from, BarWidth - 1);
            var bar = string.Concat(new string(' ', from), new string('█', Math.Max(1, to - from))).PadRight(BarWidth);
            text.AppendLine(string.Create(CultureInfo.InvariantCulture,
                $"{(span.Start - begin) / NanosecondsPerMillisecond,8:0.0} ms  {bar} {(span.End - span.Start) / NanosecondsPerMillisecond,8:0.0} ms  {span.Service.PadRight(services)}  {new string(' ', 2 * depth)}{span.Name}{(span.Status is SpanStatus.Error ? " (failed)" : "")}"));
            foreach (var child in _spans.Where(other => other.ParentId == span.SpanId))
                Append(child, depth + 1);
        }
    }
}
