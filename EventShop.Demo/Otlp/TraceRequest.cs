using System.Globalization;
using EventShop.Demo.Otlp.Wire;
using Google.Protobuf;

namespace EventShop.Demo.Otlp;

/// <summary>Reads the spans of an <c>ExportTraceServiceRequest</c>.</summary>
internal static class TraceRequest
{
    public static IEnumerable<Span> Read(byte[] message) =>
        from resource in ExportTraceServiceRequest.Parser.ParseFrom(message).ResourceSpans
        let service = Texts(resource.Resource?.Attributes ?? []).GetValueOrDefault("service.name", "")
        from scope in resource.ScopeSpans
        from span in scope.Spans
        select new Span(
            Hex(span.TraceId), Hex(span.SpanId), span.ParentSpanId.IsEmpty ? null : Hex(span.ParentSpanId),
            span.Name, (SpanKind)span.Kind, span.StartTimeUnixNano, span.EndTimeUnixNano, (SpanStatus)(span.Status?.Code ?? 0),
            Texts(span.Attributes), [.. span.Events.Select(e => new SpanEvent(e.Name, Texts(e.Attributes)))],
            [.. span.Links.Select(link => new SpanLink(Hex(link.TraceId), Hex(link.SpanId)))], service, scope.Scope?.Name ?? "");

    private static string Hex(ByteString bytes) => Convert.ToHexStringLower(bytes.Span);

    private static Dictionary<string, string> Texts(IEnumerable<KeyValue> attributes)
    {
        // Names are unique by the specification, not by the exporters.
        var texts = new Dictionary<string, string>();
        foreach (var attribute in attributes)
            texts[attribute.Key] = Text(attribute.Value);
        return texts;
    }

    private static string Text(AnyValue? value) => value?.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue => value.DoubleValue.ToString(CultureInfo.InvariantCulture),
        _ => "",
    };
}
