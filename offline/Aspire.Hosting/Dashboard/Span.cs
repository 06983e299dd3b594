namespace Aspire.Hosting.Dashboard;

/// <summary>One received span. Ids are lower-case hex; times are nanoseconds since 1970.</summary>
/// <param name="Size">About how many bytes of memory it holds.</param>
internal sealed record Span(
    string TraceId, string Id, string? ParentId, string Name, string Service, string Scope, SpanKind Kind, long Start, long End,
    IReadOnlyList<SpanAttribute> Attributes, IReadOnlyList<SpanEvent> Events, IReadOnlyList<SpanLink> Links, bool IsError,
    string StatusMessage, int Size)
{
    public long Duration => Math.Max(0, End - Start);
}

internal sealed record SpanAttribute(string Key, string Value);

internal sealed record SpanEvent(string Name, long Time, IReadOnlyList<SpanAttribute> Attributes);

internal sealed record SpanLink(string TraceId, string SpanId);

internal enum SpanKind
{
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}
