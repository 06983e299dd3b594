using System.Globalization;

namespace Aspire.Hosting.Dashboard;

/// <summary>Reads the spans of an ExportTraceServiceRequest (opentelemetry-proto 1.x). Fields it does not know are skipped.</summary>
internal static class OtlpTraces
{
    private const int StatusError = 2;
    private const int MostNested = 8;

    // What a span's objects take besides its texts, which are twice as long in memory as on the wire.
    private const int SpanOverhead = 1_024;

    /// <exception cref="InvalidDataException">The bytes are no such request.</exception>
    public static List<Span> Read(ReadOnlySpan<byte> request)
    {
        var spans = new List<Span>();
        var reader = new ProtobufReader(request);
        while (reader.Next())
            if (reader.Field == 1)
                ReadResourceSpans(reader.Bytes(), spans);
            else
                reader.Skip();
        return spans;
    }

    private static void ReadResourceSpans(ReadOnlySpan<byte> message, List<Span> spans)
    {
        // The resource may come after its spans: looked up first.
        var service = "unknown";
        var reader = new ProtobufReader(message);
        while (reader.Next())
            if (reader.Field == 1)
                service = ServiceName(reader.Bytes()) ?? service;
            else
                reader.Skip();
        reader = new ProtobufReader(message);
        while (reader.Next())
            if (reader.Field == 2)
                ReadScopeSpans(reader.Bytes(), service, spans);
            else
                reader.Skip();
    }

    private static string? ServiceName(ReadOnlySpan<byte> resource)
    {
        string? name = null;
        var reader = new ProtobufReader(resource);
        while (reader.Next())
            if (reader.Field != 1)
                reader.Skip();
            else if (ReadAttribute(reader.Bytes()) is { Key: "service.name" } attribute)
                name = attribute.Value;
        return name;
    }

    private static void ReadScopeSpans(ReadOnlySpan<byte> message, string service, List<Span> spans)
    {
        var scope = "";
        var reader = new ProtobufReader(message);
        while (reader.Next())
            if (reader.Field == 1)
                scope = ReadText(reader.Bytes(), 1);
            else
                reader.Skip();
        reader = new ProtobufReader(message);
        while (reader.Next())
            if (reader.Field == 2)
                spans.Add(ReadSpan(reader.Bytes(), service, scope));
            else
                reader.Skip();
    }

    private static Span ReadSpan(ReadOnlySpan<byte> message, string service, string scope)
    {
        var (traceId, id, parent, name, kind, start, end) = ("", "", (string?)null, "", SpanKind.Unspecified, 0L, 0L);
        var (attributes, events, links) = (new List<SpanAttribute>(), new List<SpanEvent>(), new List<SpanLink>());
        var (isError, status) = (false, "");
        var reader = new ProtobufReader(message);
        while (reader.Next())
            switch (reader.Field)
            {
                case 1: traceId = Id(reader.Bytes(), 16); break;
                case 2: id = Id(reader.Bytes(), 8); break;
                case 4: parent = reader.Bytes() is { IsEmpty: false } bytes ? Id(bytes, 8) : null; break;
                case 5: name = reader.Text(); break;
                case 6: kind = (SpanKind)reader.Varint(); break;
                case 7: start = Time(reader.Fixed64()); break;
                case 8: end = Time(reader.Fixed64()); break;
                case 9: attributes.Add(ReadAttribute(reader.Bytes())); break;
                case 11: events.Add(ReadEvent(reader.Bytes())); break;
                case 13: links.Add(ReadLink(reader.Bytes())); break;
                case 15: (isError, status) = ReadStatus(reader.Bytes()); break;
                default: reader.Skip(); break;
            }
        if (traceId.Length == 0 || id.Length == 0)
            throw new InvalidDataException("A span has no ids.");
        var size = SpanOverhead + (2 * message.Length) + (128 * (attributes.Count + events.Count + links.Count));
        return new Span(traceId, id, parent, name, service, scope, kind, start, end, attributes, events, links, isError, status, size);
    }

    private static SpanEvent ReadEvent(ReadOnlySpan<byte> message)
    {
        var (time, name, attributes) = (0L, "", new List<SpanAttribute>());
        var reader = new ProtobufReader(message);
        while (reader.Next())
            switch (reader.Field)
            {
                case 1: time = Time(reader.Fixed64()); break;
                case 2: name = reader.Text(); break;
                case 3: attributes.Add(ReadAttribute(reader.Bytes())); break;
                default: reader.Skip(); break;
            }
        return new SpanEvent(name, time, attributes);
    }

    private static SpanLink ReadLink(ReadOnlySpan<byte> message)
    {
        var (traceId, spanId) = ("", "");
        var reader = new ProtobufReader(message);
        while (reader.Next())
            switch (reader.Field)
            {
                case 1: traceId = Id(reader.Bytes(), 16); break;
                case 2: spanId = Id(reader.Bytes(), 8); break;
                default: reader.Skip(); break;
            }
        return new SpanLink(traceId, spanId);
    }

    private static (bool IsError, string Message) ReadStatus(ReadOnlySpan<byte> message)
    {
        var (code, text) = (0UL, "");
        var reader = new ProtobufReader(message);
        while (reader.Next())
            switch (reader.Field)
            {
                case 2: text = reader.Text(); break;
                case 3: code = reader.Varint(); break;
                default: reader.Skip(); break;
            }
        return (code == StatusError, text);
    }

    private static SpanAttribute ReadAttribute(ReadOnlySpan<byte> message, int depth = 0)
    {
        var (key, value) = ("", "");
        var reader = new ProtobufReader(message);
        while (reader.Next())
            switch (reader.Field)
            {
                case 1: key = reader.Text(); break;
                case 2: value = ReadValue(reader.Bytes(), depth); break;
                default: reader.Skip(); break;
            }
        return new SpanAttribute(key, value);
    }

    private static string ReadValue(ReadOnlySpan<byte> message, int depth)
    {
        if (depth > MostNested)
            throw new InvalidDataException("A value is nested too deep.");
        var value = "";
        var reader = new ProtobufReader(message);
        while (reader.Next())
            switch (reader.Field)
            {
                case 1: value = reader.Text(); break;
                case 2: value = reader.Varint() != 0 ? "true" : "false"; break;
                case 3: value = ((long)reader.Varint()).ToString(CultureInfo.InvariantCulture); break;
                case 4: value = BitConverter.UInt64BitsToDouble(reader.Fixed64()).ToString(CultureInfo.InvariantCulture); break;
                case 5: value = $"[{string.Join(", ", ReadList(reader.Bytes(), depth + 1, isMap: false))}]"; break;
                case 6: value = $"{{{string.Join(", ", ReadList(reader.Bytes(), depth + 1, isMap: true))}}}"; break;
                case 7: value = Convert.ToBase64String(reader.Bytes()); break;
                default: reader.Skip(); break;
            }
        return value;
    }

    private static List<string> ReadList(ReadOnlySpan<byte> message, int depth, bool isMap)
    {
        var values = new List<string>();
        var reader = new ProtobufReader(message);
        while (reader.Next())
            if (reader.Field != 1)
                reader.Skip();
            else if (!isMap)
                values.Add(ReadValue(reader.Bytes(), depth));
            else if (ReadAttribute(reader.Bytes(), depth) is var (key, value))
                values.Add($"{key}: {value}");
        return values;
    }

    private static string ReadText(ReadOnlySpan<byte> message, int field)
    {
        var text = "";
        var reader = new ProtobufReader(message);
        while (reader.Next())
            if (reader.Field == field)
                text = reader.Text();
            else
                reader.Skip();
        return text;
    }

    private static string Id(ReadOnlySpan<byte> bytes, int length) => bytes.Length == length
        ? Convert.ToHexStringLower(bytes)
        : throw new InvalidDataException($"An id has {bytes.Length} bytes, not {length}.");

    private static long Time(ulong nanoseconds) => nanoseconds <= long.MaxValue
        ? (long)nanoseconds
        : throw new InvalidDataException("A time is out of range.");
}
