using System.Globalization;
using System.Security.Cryptography;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>A message that was given up, as an operator sees it.</summary>
/// <param name="Id">By which it is redriven or discarded; given up once more after that, it has the same.</param>
/// <param name="Sequence">Its place among the dead letters, in whose order they are listed.</param>
/// <param name="Consumer">Who gave it up.</param>
/// <param name="Reason">Why.</param>
/// <param name="Exception">The type of the exception that said so.</param>
/// <param name="Attempts">How often it was attempted.</param>
/// <param name="Stream">The stream it is in.</param>
/// <param name="StreamSequence">Its place there.</param>
/// <param name="Subject">Its subject there.</param>
/// <param name="EventId">The event's identity, which a redrive keeps; null when it was no CloudEvent.</param>
/// <param name="Type">The event's type, if it has one.</param>
/// <param name="Key">What the event is about (CloudEvents' <c>subject</c>), for example the order's id, if it says so.</param>
/// <param name="TraceId">The trace that raised it, if it says so.</param>
/// <param name="GivenUpAt">When.</param>
/// <param name="Bytes">The length of its body; null for letters of earlier versions.</param>
/// <param name="IsReference">
/// Whether it was too large to be copied: then its body is in its stream only, for as long as that keeps it.
/// </param>
/// <param name="ObsoleteSince">When it was found to matter no longer; null while it does.</param>
/// <param name="ObsoleteReason">Why it matters no longer.</param>
public sealed record DeadLetter(
    Guid Id, ulong Sequence, string Consumer, string Reason, string Exception, int Attempts, string Stream, ulong StreamSequence,
    string Subject, string? EventId, string? Type, string? Key, string? TraceId, DateTimeOffset GivenUpAt, int? Bytes, bool IsReference,
    DateTimeOffset? ObsoleteSince = null, string? ObsoleteReason = null)
{
    private const string Prefix = "dead-letter-";
    private const string Hash = $"{Prefix}sha256";

    /// <summary>The longest text of a stranger's, or of an exception's, that is taken over.</summary>
    private const int MaxText = 512;

    /// <summary>
    /// Follows from the message: an attempt that is repeated gives the same. Of one that was redriven for this consumer, it is that of the letter
    /// it was.
    /// </summary>
    internal static Guid IdOf(string consumer, NatsJSMsgMetadata metadata, NatsHeaders? headers)
    {
        if (CloudEvent.Header(headers, CloudEvent.RedrivenFor) == consumer && Guid.TryParse(CloudEvent.Header(headers, CloudEvent.Redriven), out var former))
            return former;
        return ReceivedEvent.UuidOf($"{metadata.Stream}\n{metadata.Sequence.Stream}\n{metadata.Timestamp.UtcTicks}\n{consumer}");
    }

    /// <summary>The message's copy; and in case the broker finds that too large, a letter that says where the message is.</summary>
    internal static IEnumerable<MessageForm> Forms(
        Guid id, string consumer, NatsJSMsgMetadata metadata, string subject, NatsHeaders? headers, byte[] body, int attempts, Exception reason)
    {
        var copy = Original(headers);
        Describe(copy, MaxText);
        yield return new(copy, body);

        var reference = new NatsHeaders();
        Describe(reference, MaxText / 4);
        reference[Hash] = Convert.ToHexString(SHA256.HashData(body));
        yield return new(reference, []);

        void Describe(NatsHeaders letter, int maxText)
        {
            var (eventId, type, key) = ReceivedEvent.Describe(headers, body);
            // One copy however often the last attempt is repeated.
            letter[CloudEvent.MessageId] = $"dlq:{metadata.Stream}:{consumer}:{metadata.Sequence.Stream}:{metadata.Timestamp.UtcTicks}";
            letter[$"{Prefix}id"] = id.ToString();
            letter[$"{Prefix}consumer"] = consumer;
            letter[$"{Prefix}reason"] = Printable(reason.Message, maxText);
            letter[$"{Prefix}exception"] = Printable(reason.GetType().FullName ?? "", maxText);
            letter[$"{Prefix}attempts"] = attempts.ToString(CultureInfo.InvariantCulture);
            letter[$"{Prefix}stream"] = metadata.Stream;
            letter[$"{Prefix}sequence"] = metadata.Sequence.Stream.ToString(CultureInfo.InvariantCulture);
            letter[$"{Prefix}subject"] = subject;
            letter[$"{Prefix}bytes"] = body.Length.ToString(CultureInfo.InvariantCulture);
            foreach (var (name, text) in new[] { ("event-id", eventId), ("event-type", type), ("event-key", key) })
                if (text is not null)
                    letter[$"{Prefix}{name}"] = Uri.EscapeDataString(text) is var escaped && escaped.Length <= maxText ? escaped : "";
        }
    }

    /// <summary>The headers the message had before it was given up.</summary>
    internal static NatsHeaders Original(NatsHeaders? headers) => CloudEvent.Copy(
        headers, name => !name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && !name.StartsWith("Nats-", StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether this is the message that a reference was made of: a stream that was lost and made again has other messages at its places.</summary>
    internal static bool IsOriginal(NatsMsg<byte[]> letter, NatsMsg<byte[]> message) =>
        CloudEvent.Header(letter.Headers, Hash) == Convert.ToHexString(SHA256.HashData(message.Data ?? []))
        && CloudEvent.Header(letter.Headers, $"{Prefix}subject") == CloudEvent.Header(message.Headers, "Nats-Subject");

    internal static DeadLetter Read(NatsHeaders? headers)
    {
        return new(
            Guid.TryParse(Text($"{Prefix}id"), out var id) ? id : default, Number("Nats-Sequence"), Text($"{Prefix}consumer"), Text($"{Prefix}reason"), Text($"{Prefix}exception"),
            (int)Number($"{Prefix}attempts"), Text($"{Prefix}stream"), Number($"{Prefix}sequence"), Text($"{Prefix}subject"),
            Event("event-id") ?? CloudEvent.Header(headers, CloudEvent.Id), Event("event-type") ?? CloudEvent.Header(headers, CloudEvent.Type),
            Event("event-key"), TraceContext.TraceIdOf(CloudEvent.Header(headers, CloudEvent.TraceParent)), ReceivedEvent.TryReadTime(Text("Nats-Time-Stamp"), out var time) ? time : default,
            CloudEvent.Header(headers, $"{Prefix}bytes") is null ? null : (int)Number($"{Prefix}bytes"),
            IsReference: CloudEvent.Header(headers, Hash) is not null);

        string Text(string name) => CloudEvent.Header(headers, name) ?? "";
        ulong Number(string name) => ulong.TryParse(Text(name), CultureInfo.InvariantCulture, out var number) ? number : 0;
        string? Event(string name) => CloudEvent.Header(headers, $"{Prefix}{name}") is { Length: > 0 } text ? Uri.UnescapeDataString(text) : null;
    }

    /// <summary>Header values are one line of ASCII.</summary>
    private static string Printable(string text, int length) => string.Create(Math.Min(text.Length, length), text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++)
            span[i] = source[i] is >= ' ' and <= '~' ? source[i] : ' ';
    }).Trim();
}
