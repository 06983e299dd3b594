using System.Diagnostics;

namespace EventShop.Messaging;

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
