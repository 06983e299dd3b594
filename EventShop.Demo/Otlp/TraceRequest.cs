using System.Globalization;

namespace EventShop.Demo.Otlp;

/// <summary>Reads the spans of an <c>ExportTraceServiceRequest</c>. The numbers are those of opentelemetry-proto 1.x.</summary>
internal static class TraceRequest
{
    public static List<Span> Read(ReadOnlySpan<byte> body)
    {
        var spans = new List<Span>();
        var request = new ProtobufReader(body);
        while (request.Read())
            if (request.Field == 1)
                ReadResourceSpans(request.ReadBytes(), spans);
            else
                request.Skip();
        return spans;
    }

    private static void ReadResourceSpans(ReadOnlySpan<byte> body, List<Span> spans)
    {
        var service = "";
        var reader = new ProtobufReader(body);
        while (reader.Read())
            switch (reader.Field)
            {
                case 1:
                    service = ReadAttributes(reader.ReadBytes(), field: 1).GetValueOrDefault("service.name", "");
                    break;
                case 2:
                    ReadScopeSpans(reader.ReadBytes(), service, spans);
                    break;
                default:
                    reader.Skip();
                    break;
            }
    }

    private static void ReadScopeSpans(ReadOnlySpan<byte> body, string service, List<Span> spans)
    {
        var scope = "";
        var reader = new ProtobufReader(body);
        while (reader.Read())
            switch (reader.Field)
            {
                case 1:
                    scope = ReadText(reader.ReadBytes(), field: 1);
                    break;
                case 2:
                    spans.Add(ReadSpan(reader.ReadBytes(), service, scope));
                    break;
                default:
                    reader.Skip();
                    break;
            }
    }

    private static Span ReadSpan(ReadOnlySpan<byte> body, string service, string scope)
    {
        var span = new Span("", "", null, "", default, 0, 0, default, null, ReadAttributes(body, field: 9), [], [], service, scope);
        var (events, links) = (new List<SpanEvent>(), new List<SpanLink>());
        var reader = new ProtobufReader(body);
        while (reader.Read())
            switch (reader.Field)
            {
                case 1:
                    span = span with { TraceId = reader.ReadHex() };
                    break;
                case 2:
                    span = span with { SpanId = reader.ReadHex() };
                    break;
                case 4:
                    span = span with { ParentId = reader.ReadHex() is { Length: > 0 } parent ? parent : null };
                    break;
                case 5:
                    span = span with { Name = reader.ReadString() };
                    break;
                case 6:
                    span = span with { Kind = (SpanKind)reader.ReadVarint() };
                    break;
                case 7:
                    span = span with { Start = reader.ReadFixed64() };
                    break;
                case 8:
                    span = span with { End = reader.ReadFixed64() };
                    break;
                case 11:
                    var happened = reader.ReadBytes();
                    events.Add(new(ReadText(happened, field: 2), ReadAttributes(happened, field: 3)));
                    break;
                case 13:
                    links.Add(ReadLink(reader.ReadBytes()));
                    break;
                case 15:
                    var (status, message) = ReadStatus(reader.ReadBytes());
                    span = span with { Status = status, StatusMessage = message };
                    break;
                default:
                    reader.Skip();
                    break;
            }
        return span with { Events = events, Links = links };
    }

    private static SpanLink ReadLink(ReadOnlySpan<byte> body)
    {
        var (traceId, spanId) = ("", "");
        var reader = new ProtobufReader(body);
        while (reader.Read())
            switch (reader.Field)
            {
                case 1:
                    traceId = reader.ReadHex();
                    break;
                case 2:
                    spanId = reader.ReadHex();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        return new(traceId, spanId);
    }

    private static (SpanStatus Status, string? Message) ReadStatus(ReadOnlySpan<byte> body)
    {
        var (status, message) = (SpanStatus.Unset, (string?)null);
        var reader = new ProtobufReader(body);
        while (reader.Read())
            switch (reader.Field)
            {
                case 2:
                    message = reader.ReadString();
                    break;
                case 3:
                    status = (SpanStatus)reader.ReadVarint();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        return (status, message);
    }

    /// <summary>The last string of a field; empty when there is none.</summary>
    private static string ReadText(ReadOnlySpan<byte> body, int field)
    {
        var text = "";
        var reader = new ProtobufReader(body);
        while (reader.Read())
            if (reader.Field == field)
                text = reader.ReadString();
            else
                reader.Skip();
        return text;
    }

    /// <summary>The <c>KeyValue</c>s of a field, as text.</summary>
    private static Dictionary<string, string> ReadAttributes(ReadOnlySpan<byte> body, int field)
    {
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        var reader = new ProtobufReader(body);
        while (reader.Read())
        {
            if (reader.Field != field)
            {
                reader.Skip();
                continue;
            }
            var pair = new ProtobufReader(reader.ReadBytes());
            var (key, value) = ("", "");
            while (pair.Read())
                switch (pair.Field)
                {
                    case 1:
                        key = pair.ReadString();
                        break;
                    case 2:
                        value = ReadValue(pair.ReadBytes());
                        break;
                    default:
                        pair.Skip();
                        break;
                }
            attributes[key] = value;
        }
        return attributes;
    }

    private static string ReadValue(ReadOnlySpan<byte> body)
    {
        var value = "";
        var reader = new ProtobufReader(body);
        while (reader.Read())
            switch (reader.Field)
            {
                case 1:
                    value = reader.ReadString();
                    break;
                case 2:
                    value = reader.ReadVarint() == 1 ? "true" : "false";
                    break;
                case 3:
                    value = ((long)reader.ReadVarint()).ToString(CultureInfo.InvariantCulture);
                    break;
                case 4:
                    value = reader.ReadDouble().ToString(CultureInfo.InvariantCulture);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        return value;
    }
}
