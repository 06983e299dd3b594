using System.Globalization;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>CloudEvents 1.0 in the NATS protocol binding: the names of the headers, and an event of ours in binary mode.</summary>
internal static class CloudEvent
{
    public const string MessageId = "Nats-Msg-Id";
    public const string TraceParent = "traceparent";
    public const string TraceState = "tracestate";
    public const string Baggage = "baggage";
    public const string ContentType = "content-type";

    /// <summary>Set when an operator sent the message again: the id of its dead letter.</summary>
    public const string Redriven = "redriven";

    /// <summary>The consumer whose dead letter it was.</summary>
    public const string RedrivenFor = "redriven-for";

    /// <summary>Before each attribute's name, where it is a header.</summary>
    public const string Prefix = "ce-";

    public const string Id = "ce-id";
    public const string Type = "ce-type";
    public const string Source = "ce-source";
    public const string Subject = "ce-subject";
    private const string Time = "ce-time";
    private const string SpecVersion = "ce-specversion";

    /// <summary>What may be left out of a message that is refused for its size, in this order.</summary>
    private static readonly string[] Optional = [Baggage, TraceState, TraceParent];

    /// <param name="e">The event.</param>
    /// <param name="source">The publishing service, as a URI reference: <c>/OrderService</c>.</param>
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
            [Subject] = Escaped(e.Key),
            [Time] = e.Time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            [SpecVersion] = ReceivedEvent.SpecVersion,
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

    /// <summary>As the binding has it: printable ASCII as it is, the rest and <c>%</c> percent-encoded.</summary>
    private static string Escaped(string value) =>
        value.All(character => character is > ' ' and <= '~' and not '%' and not '"') ? value : Uri.EscapeDataString(value);

    /// <summary>The headers, and then the same with less and less of what a message can do without.</summary>
    public static IEnumerable<NatsHeaders> WithLessAndLess(NatsHeaders headers)
    {
        yield return headers;
        foreach (var name in Optional)
            if (headers.ContainsKey(name))
                yield return headers = Copy(headers, kept => !kept.Equals(name, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The headers whose names are wished for.</summary>
    public static NatsHeaders Copy(NatsHeaders? headers, Func<string, bool> isWished)
    {
        var copy = new NatsHeaders();
        foreach (var (name, value) in headers ?? [])
            if (isWished(name))
                copy[name] = value;
        return copy;
    }

    public static string? Header(NatsHeaders? headers, string name) =>
        headers is not null && headers.TryGetLastValue(name, out var value) ? value : null;
}
