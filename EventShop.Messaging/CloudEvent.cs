using System.Globalization;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>CloudEvents 1.0 in the NATS protocol binding's binary mode: attributes are headers, the body is the event's JSON.</summary>
internal static class CloudEvent
{
    public const string MessageId = "Nats-Msg-Id";
    public const string TraceParent = "traceparent";
    public const string TraceState = "tracestate";
    public const string Baggage = "baggage";

    /// <summary>Set when an operator sent the message again.</summary>
    public const string Redriven = "redriven";

    public const string Id = "ce-id";
    public const string Type = "ce-type";
    public const string Source = "ce-source";
    private const string Time = "ce-time";
    private const string SpecVersion = "ce-specversion";
    private const string ContentType = "content-type";

    /// <param name="e">The event.</param>
    /// <param name="source">The publishing service, as a URI reference: <c>/order-service</c>.</param>
    /// <param name="traceParent">The publish activity's context, else the one stored with the event.</param>
    public static NatsHeaders Headers(OutboxEvent e, string source, string? traceParent)
    {
        var id = e.Id.ToString();
        var headers = new NatsHeaders
        {
            [MessageId] = id,
            [Id] = id,
            [Type] = e.Type,
            [Source] = source,
            [Time] = e.Time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            [SpecVersion] = "1.0",
            [ContentType] = "application/json",
        };
        if (traceParent is not null)
            headers[TraceParent] = traceParent;
        if (e.TraceState is not null)
            headers[TraceState] = e.TraceState;
        if (e.Baggage is not null)
            headers[Baggage] = e.Baggage;
        return headers;
    }

    /// <summary>Reads the attributes a consumer needs.</summary>
    /// <exception cref="PoisonMessageException">One is missing or malformed.</exception>
    public static MessageContext Read(NatsHeaders? headers, int attempt)
    {
        if (Header(headers, Type) is not { Length: > 0 } type)
            throw new PoisonMessageException($"header {Type} is missing: not a CloudEvent");
        if (!Guid.TryParse(Header(headers, Id), out var id))
            throw new PoisonMessageException($"header {Id} is missing or not a UUID");
        if (!DateTimeOffset.TryParse(Header(headers, Time), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            throw new PoisonMessageException($"header {Time} is missing or not an RFC 3339 time");
        return new(id, type, time, attempt, Header(headers, Source));
    }

    public static string? Header(NatsHeaders? headers, string name) =>
        headers is not null && headers.TryGetLastValue(name, out var value) ? value : null;
}
