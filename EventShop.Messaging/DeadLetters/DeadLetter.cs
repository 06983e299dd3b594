using System.Globalization;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>A message that was given up, as an operator sees it.</summary>
/// <param name="Sequence">Its place among the dead letters, by which it is redriven or discarded.</param>
/// <param name="Consumer">Who gave it up.</param>
/// <param name="Reason">Why.</param>
/// <param name="Exception">The type of the exception that said so.</param>
/// <param name="Attempts">How often it was delivered.</param>
/// <param name="Stream">The stream it is in.</param>
/// <param name="StreamSequence">Its place there.</param>
/// <param name="Subject">Its subject there.</param>
/// <param name="EventId">The event's identity, which a redrive keeps; null when it was no CloudEvent.</param>
/// <param name="Type">The event's type, if it has one.</param>
public sealed record DeadLetter(
    ulong Sequence, string Consumer, string Reason, string Exception, int Attempts, string Stream, ulong StreamSequence,
    string Subject, string? EventId, string? Type)
{
    private const string Prefix = "dead-letter-";

    internal static NatsHeaders Headers(NatsHeaders? original, string consumer, string stream, ulong sequence, string subject,
        int attempts, Exception reason)
    {
        var headers = Original(original);
        // One copy however often the last attempt is repeated.
        headers[CloudEvent.MessageId] = $"dlq:{stream}:{consumer}:{sequence}";
        headers[$"{Prefix}consumer"] = consumer;
        headers[$"{Prefix}reason"] = Printable(reason.Message);
        headers[$"{Prefix}exception"] = reason.GetType().FullName;
        headers[$"{Prefix}attempts"] = attempts.ToString(CultureInfo.InvariantCulture);
        headers[$"{Prefix}stream"] = stream;
        headers[$"{Prefix}sequence"] = sequence.ToString(CultureInfo.InvariantCulture);
        headers[$"{Prefix}subject"] = subject;
        return headers;
    }

    /// <summary>The headers the message had before it was given up.</summary>
    internal static NatsHeaders Original(NatsHeaders? headers)
    {
        var original = new NatsHeaders();
        foreach (var (name, value) in headers ?? [])
            if (!name.StartsWith(Prefix, StringComparison.Ordinal) && !name.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase))
                original[name] = value;
        return original;
    }

    internal static DeadLetter Read(NatsHeaders? headers)
    {
        return new(
            Number("Nats-Sequence"), Text($"{Prefix}consumer"), Text($"{Prefix}reason"), Text($"{Prefix}exception"),
            (int)Number($"{Prefix}attempts"), Text($"{Prefix}stream"), Number($"{Prefix}sequence"), Text($"{Prefix}subject"),
            CloudEvent.Header(headers, "ce-id"), CloudEvent.Header(headers, "ce-type"));

        string Text(string name) => CloudEvent.Header(headers, name) ?? "";
        ulong Number(string name) => ulong.TryParse(Text(name), CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    /// <summary>Header values are one line of ASCII.</summary>
    private static string Printable(string text) => string.Create(Math.Min(text.Length, 512), text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
            span[i] = source[i] is >= ' ' and <= '~' ? source[i] : ' ';
    }).Trim();
}
