namespace EventShop.Demo.Otlp;

/// <summary>A span as it was exported.</summary>
/// <param name="ParentId">16 hex digits; null for a root.</param>
/// <param name="Start">Nanoseconds since 1970.</param>
/// <param name="Service">The resource's <c>service.name</c>.</param>
/// <param name="Scope">The activity source's name.</param>
internal sealed record Span(
    string TraceId, string SpanId, string? ParentId, string Name, SpanKind Kind, ulong Start, ulong End, SpanStatus Status,
    IReadOnlyDictionary<string, string> Attributes, IReadOnlyList<SpanEvent> Events, IReadOnlyList<SpanLink> Links, string Service, string Scope);

internal sealed record SpanEvent(string Name, IReadOnlyDictionary<string, string> Attributes);

internal sealed record SpanLink(string TraceId, string SpanId);

/// <summary>As OTLP numbers them.</summary>
internal enum SpanKind
{
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// <summary>As OTLP numbers them.</summary>
internal enum SpanStatus
{
    Unset,
    Ok,
    Error,
}
