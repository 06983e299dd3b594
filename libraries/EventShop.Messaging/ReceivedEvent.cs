using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>
/// A message read as a CloudEvent, whoever published it: in binary mode (attributes are headers, the body is the data) or in structured
/// mode (the body is the event as JSON). What the specification allows is accepted, the rest is refused with the reason.
/// </summary>
/// <remarks>No reason quotes what the sender wrote: reasons are logged.</remarks>
/// <param name="Context">Its attributes.</param>
/// <param name="Data">Its data as UTF-8 JSON.</param>
internal readonly partial record struct ReceivedEvent(MessageContext Context, byte[] Data)
{
    public const string SpecVersion = "1.0";

    private const string StructuredMode = "application/cloudevents";

    /// <param name="message">The message.</param>
    /// <param name="storedAt">When the broker stored it, which counts where the event tells no time.</param>
    /// <param name="consumer">The durable name of the consumer that received it.</param>
    /// <param name="attempt">1 at the first attempt.</param>
    /// <exception cref="PoisonMessageException">It is no CloudEvent 1.0, or its data is not JSON.</exception>
    public static ReceivedEvent Read(INatsJSMsg<byte[]> message, DateTimeOffset storedAt, string consumer, int attempt)
    {
        var attributes = Attributes.Of(message.Headers, message.Data ?? []);
        if (attributes.Required("specversion") != SpecVersion)
            throw new PoisonMessageException($"{attributes.Place("specversion")} is not {SpecVersion}");
        var (id, source, type) = (attributes.Required("id"), attributes.Required("source"), attributes.Required("type"));
        var time = storedAt;
        if (attributes.Find("time") is { } text && !TryReadTime(text, out time))
            throw new PoisonMessageException($"{attributes.Place("time")} is not an RFC 3339 time");
        if (attributes.Find("datacontenttype") is { } contentType && !JsonType().IsMatch(contentType))
            throw new PoisonMessageException($"{attributes.Place("datacontenttype")} is not JSON in UTF-8");
        var context = new MessageContext
        {
            EventId = EventIdOf(id, source),
            Type = type,
            Source = source,
            Time = time,
            Key = attributes.Find("subject"),
            Consumer = consumer,
            Subject = message.Subject,
            Headers = new HeaderView(message.Headers),
            Attempt = attempt,
        };
        return new(context, attributes.Data());
    }

    /// <summary>What can be told of a message that may be no CloudEvent: its id, its type and what it is about.</summary>
    public static (string? Id, string? Type, string? Key) Describe(NatsHeaders? headers, byte[]? body)
    {
        try
        {
            var attributes = Attributes.Of(headers, body ?? []);
            return (Try(attributes, "id"), Try(attributes, "type"), Try(attributes, "subject"));
        }
        catch (PoisonMessageException)
        {
            return default;
        }

        static string? Try(Attributes attributes, string name)
        {
            try
            {
                return attributes.Find(name);
            }
            catch (PoisonMessageException)
            {
                return null;
            }
        }
    }

    /// <summary>
    /// An id that is a UUID is unique by itself. Any other is unique within its source: the UUID (version 8) of both.
    /// </summary>
    private static Guid EventIdOf(string id, string source)
    {
        if (Guid.TryParseExact(id, "D", out var uuid))
            return uuid;
        // Neither may hold a line break.
        return UuidOf($"{source}\n{id}");
    }

    /// <summary>A UUID (version 8) that follows from a text.</summary>
    internal static Guid UuidOf(string text)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new(hash, bigEndian: true);
    }

    /// <summary>RFC 3339, with leap seconds: 23:59:60 is the second before 00:00:00, which .NET does not know, and is taken for that.</summary>
    internal static bool TryReadTime(string text, out DateTimeOffset time)
    {
        time = default;
        if (Rfc3339().Match(text) is not { Success: true } match)
            return false;
        var isLeap = match.Groups["second"].ValueSpan is "60";
        var second = isLeap ? "59" : match.Groups["second"].Value;
        if (!DateTime.TryParseExact($"{match.Groups["date"].ValueSpan} {match.Groups["minute"].ValueSpan}:{second}", "yyyy-MM-dd HH:mm:ss",
            CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
            return false;
        var ticks = local.Ticks + long.Parse(match.Groups["fraction"].Value.PadRight(7, '0').AsSpan(0, 7), CultureInfo.InvariantCulture);
        if (match.Groups["sign"].Success)
        {
            var offset = TimeSpan.ParseExact(match.Groups["offset"].Value, "hh\\:mm", CultureInfo.InvariantCulture).Ticks;
            ticks += match.Groups["sign"].ValueSpan is "-" ? offset : -offset;
        }
        if (isLeap)
        {
            if (ticks / TimeSpan.TicksPerMinute % (24 * 60) != (24 * 60) - 1)
                return false;
            ticks += TimeSpan.TicksPerSecond;
        }
        if (ticks < DateTimeOffset.MinValue.Ticks || ticks > DateTimeOffset.MaxValue.Ticks)
            return false;
        time = new(ticks, TimeSpan.Zero);
        return true;
    }

    [GeneratedRegex(@"^(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?<minute>[0-9]{2}:[0-9]{2}):(?<second>[0-9]{2})(\.(?<fraction>[0-9]+))?([Zz]|(?<sign>[+-])(?<offset>([01][0-9]|2[0-3]):[0-5][0-9]))\z")]
    private static partial Regex Rfc3339();

    /// <summary>A media type whose subtype is <c>json</c> or ends with <c>+json</c>, with no other charset than UTF-8.</summary>
    [GeneratedRegex("""^\s*[^/;\s]+/([^/;\s]+\+)?json\s*(;\s*((?!charset)[^;=\s]+=[^;]*|charset="?utf-8"?\s*))*\z""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex JsonType();

    /// <summary>The attributes of an event by name, wherever they are.</summary>
    private abstract class Attributes
    {
        public static Attributes Of(NatsHeaders? headers, byte[] body)
        {
            if (CloudEvent.Header(headers, CloudEvent.ContentType) is not { } contentType
                || !contentType.StartsWith(StructuredMode, StringComparison.OrdinalIgnoreCase))
                return new Binary(headers, body);
            // The binding has one format, whose name may be left out.
            var format = contentType[StructuredMode.Length..];
            var isJson = format switch
            {
                "" or [';' or ' ', ..] => JsonType().IsMatch($"{StructuredMode}+json{format}"),
                ['+', ..] => JsonType().IsMatch(contentType),
                _ => false,
            };
            return isJson
                ? new Structured(body)
                : throw new PoisonMessageException($"{CloudEvent.ContentType} is an event format other than {StructuredMode}+json in UTF-8");
        }

        /// <summary>Where an attribute stands, for reasons.</summary>
        public abstract string Place(string name);

        /// <returns>Null when there is none.</returns>
        /// <exception cref="PoisonMessageException">It is there, and is no string that the specification allows.</exception>
        public string? Find(string name) => Read(name) is { } value
            ? value.Any(char.IsControl) ? throw new PoisonMessageException($"{Place(name)} has a control character") : value
            : null;

        public string Required(string name) => Find(name) is { Length: > 0 } value
            ? value
            : throw new PoisonMessageException($"{Place(name)} is missing: not a CloudEvent");

        public abstract byte[] Data();

        protected abstract string? Read(string name);
    }

    private sealed class Binary(NatsHeaders? headers, byte[] body) : Attributes
    {
        private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

        public override string Place(string name) => $"header {CloudEvent.Prefix}{name}";

        public override byte[] Data() => body;

        protected override string? Read(string name)
        {
            if (headers is null || !headers.TryGetValue($"{CloudEvent.Prefix}{name}", out var values))
                return null;
            if (values.Count > 1)
                throw new PoisonMessageException($"{Place(name)} is there {values.Count} times");
            try
            {
                return Decode(values.ToString().Trim());
            }
            catch (DecoderFallbackException)
            {
                throw new PoisonMessageException($"{Place(name)} is not UTF-8 when its percent-encoding is undone");
            }
        }

        /// <summary>Undoes a quoted string, as older versions of the specification had it, and then percent-encoding.</summary>
        private static string Decode(string value)
        {
            if (value is ['"', .. var quoted, '"'])
                value = Escaped().Replace(quoted, "$1");
            if (!value.Contains('%'))
                return value;
            ReadOnlySpan<byte> encoded = Encoding.UTF8.GetBytes(value);
            Span<byte> decoded = new byte[encoded.Length];
            var length = 0;
            for (var i = 0; i < encoded.Length; i++)
                if (encoded[i] is (byte)'%' && i + 2 < encoded.Length
                    && byte.TryParse(encoded.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out decoded[length]))
                    (i, length) = (i + 2, length + 1);
                else
                    decoded[length++] = encoded[i];
            return Strict.GetString(decoded[..length]);
        }
    }

    [GeneratedRegex(@"\\(.)")]
    private static partial Regex Escaped();

    private sealed class Structured : Attributes
    {
        private readonly JsonElement _event;

        public Structured(byte[] body)
        {
            try
            {
                _event = JsonElement.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false });
            }
            catch (JsonException e)
            {
                throw new PoisonMessageException(
                    $"the body is not a CloudEvent as JSON, which {CloudEvent.ContentType} says it is: line {e.LineNumber}, byte {e.BytePositionInLine}");
            }
            if (_event.ValueKind is not JsonValueKind.Object)
                throw new PoisonMessageException($"the body is not a CloudEvent as JSON, which {CloudEvent.ContentType} says it is: it is no object");
        }

        public override string Place(string name) => $"member {name}";

        public override byte[] Data()
        {
            var hasData = _event.TryGetProperty("data", out var data);
            if (!_event.TryGetProperty("data_base64", out var binary) || binary.ValueKind is JsonValueKind.Null)
                return hasData ? JsonMarshal.GetRawUtf8Value(data).ToArray() : [];
            if (hasData)
                throw new PoisonMessageException("there are both data and data_base64");
            return binary.ValueKind is JsonValueKind.String && binary.TryGetBytesFromBase64(out var bytes)
                ? bytes
                : throw new PoisonMessageException("member data_base64 is not Base64");
        }

        protected override string? Read(string name)
        {
            if (!_event.TryGetProperty(name, out var value) || value.ValueKind is JsonValueKind.Null)
                return null;
            if (value.ValueKind is not JsonValueKind.String)
                throw new PoisonMessageException($"{Place(name)} is not a string");
            try
            {
                return value.GetString();
            }
            catch (InvalidOperationException)
            {
                throw new PoisonMessageException($"{Place(name)} is not Unicode");
            }
        }
    }
}
