using System.Diagnostics;

namespace EventShop.Messaging;

/// <summary>W3C trace context and baggage as text, the way they are stored with an event and sent in headers.</summary>
internal static class TraceContext
{
    public static string? BaggageOf(Activity? activity)
    {
        if (activity is null)
            return null;
        string? baggage = null;
        foreach (var (key, value) in activity.Baggage)
        {
            var member = $"{Uri.EscapeDataString(key)}={Uri.EscapeDataString(value ?? "")}";
            baggage = baggage is null ? member : $"{baggage},{member}";
        }
        return baggage;
    }

    public static ActivityContext Parse(string? traceParent, string? traceState) =>
        ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var context) ? context : default;

    public static void RestoreBaggage(Activity? activity, string? baggage)
    {
        if (activity is null || string.IsNullOrEmpty(baggage))
            return;
        foreach (var member in baggage.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (member.Split(';')[0].Split('=', 2) is [var key, var value])
                activity.AddBaggage(Uri.UnescapeDataString(key.Trim()), Uri.UnescapeDataString(value.Trim()));
    }
}
