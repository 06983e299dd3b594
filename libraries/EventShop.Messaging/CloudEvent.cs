using System.Collections;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
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

/// <summary>A message's headers, of each the last value. Nothing is copied: most handlers never look.</summary>
internal sealed class HeaderView(NatsHeaders? headers) : IReadOnlyDictionary<string, string>
{
    private readonly NatsHeaders _headers = headers ?? [];

    public IEnumerable<string> Keys => _headers.Keys;

    public IEnumerable<string> Values => _headers.Keys.Select(key => this[key]);

    public int Count => _headers.Count;

    public string this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"There is no header {key}.");

    public bool ContainsKey(string key) => _headers.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value) => _headers.TryGetLastValue(key, out value);

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() =>
        _headers.Keys.Select(key => KeyValuePair.Create(key, this[key])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>W3C trace context and baggage as text, the way they are stored with an event and sent in headers.</summary>
/// <remarks>
/// A JetStream message has 64 kB for all of its headers. What is optional may take little of that, whoever it comes from: an event must not
/// be refused for it.
/// </remarks>
internal static class TraceContext
{
    private const int MaxBaggage = 1024;

    /// <summary>What W3C asks everybody to pass on at least.</summary>
    private const int MaxTraceState = 512;

    /// <returns>The activity as <c>traceparent</c>; null when it has no W3C id.</returns>
    public static string? ParentOf(Activity? activity) => activity is { IdFormat: ActivityIdFormat.W3C } ? activity.Id : null;

    /// <returns>The activity's <c>tracestate</c>: of its members, those that fit.</returns>
    public static string? StateOf(Activity? activity) => Cut(activity?.TraceStateString, MaxTraceState);

    /// <returns>The activity's <c>baggage</c>: of its members, those that fit.</returns>
    public static string? BaggageOf(Activity? activity)
    {
        string? baggage = null;
        foreach (var (key, value) in activity?.Baggage ?? [])
            // Escaping makes a member longer, and costs: not of one that cannot fit.
            if ((baggage?.Length ?? 0) + key.Length + (value?.Length ?? 0) < MaxBaggage)
                baggage = Append(baggage, $"{Uri.EscapeDataString(key)}={Uri.EscapeDataString(value ?? "")}", MaxBaggage);
        return baggage;
    }

    /// <returns>Null when it is none.</returns>
    public static string? TraceIdOf(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, out var context) ? context.TraceId.ToString() : null;

    public static ActivityContext Parse(string? traceParent, string? traceState) =>
        ActivityContext.TryParse(traceParent, Cut(traceState, MaxTraceState), isRemote: true, out var context) ? context : default;

    public static void RestoreBaggage(Activity? activity, string? baggage)
    {
        if (activity is null || Cut(baggage, MaxBaggage) is not { } members)
            return;
        foreach (var member in members.Split(','))
            if (member.Split(';')[0].Split('=', 2) is [var key, var value])
                activity.AddBaggage(Uri.UnescapeDataString(key.Trim()), Uri.UnescapeDataString(value.Trim()));
    }

    /// <returns>The members of a list that are printable ASCII and fit, in their order; null when there are none.</returns>
    private static string? Cut(string? list, int limit)
    {
        if (string.IsNullOrEmpty(list))
            return null;
        string? members = null;
        foreach (var member in list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (member.All(character => character is >= ' ' and <= '~'))
                members = Append(members, member, limit);
        return members;
    }

    private static string? Append(string? members, string member, int limit) => members switch
    {
        null when member.Length <= limit => member,
        not null when members.Length + 1 + member.Length <= limit => $"{members},{member}",
        _ => members,
    };
}
