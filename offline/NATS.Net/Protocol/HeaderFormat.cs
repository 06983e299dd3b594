using System.Buffers.Text;
using System.Text;
using Microsoft.Extensions.Primitives;

namespace NATS.Client.Core;

/// <summary>Headers on the wire: a version line that may carry a status, one line per value, an empty line.</summary>
internal static class HeaderFormat
{
    private static readonly (byte[] Bytes, NatsHeaders.Messages Message, string Text)[] KnownMessages =
        new (string Text, NatsHeaders.Messages Message)[]
        {
            ("Idle Heartbeat", NatsHeaders.Messages.IdleHeartbeat),
            ("Bad Request", NatsHeaders.Messages.BadRequest),
            ("Consumer Deleted", NatsHeaders.Messages.ConsumerDeleted),
            ("Consumer is push based", NatsHeaders.Messages.ConsumerIsPushBased),
            ("No Messages", NatsHeaders.Messages.NoMessages),
            ("Request Timeout", NatsHeaders.Messages.RequestTimeout),
            ("Message Size Exceeds MaxBytes", NatsHeaders.Messages.MessageSizeExceedsMaxBytes),
            ("Requests Pending", NatsHeaders.Messages.RequestsPending),
        }
        .Select(known => (Encoding.ASCII.GetBytes(known.Text), known.Message, known.Text)).ToArray();

    /// <summary>Throws <see cref="NatsException"/> for a name or a value that would break the format.</summary>
    public static void Write(ByteBuffer to, NatsHeaders headers, Encoding encoding)
    {
        to.Write("NATS/1.0\r\n"u8);
        foreach (var (key, values) in headers)
        {
            foreach (var value in values)
            {
                if (value is null)
                {
                    continue;
                }

                var keyLength = encoding.GetBytes(key, to.GetSpan(encoding.GetMaxByteCount(key.Length)));
                if (!IsName(to.GetSpan()[..keyLength]))
                {
                    throw new NatsException(
                        $"Invalid header key '{key}': contains colon, space, or other non-printable ASCII characters");
                }

                to.Advance(keyLength);
                to.Write(": "u8);
                var valueLength = encoding.GetBytes(value, to.GetSpan(encoding.GetMaxByteCount(value.Length)));
                if (to.GetSpan()[..valueLength].IndexOf("\r\n"u8) >= 0)
                {
                    throw new NatsException($"Invalid header value for key '{key}': contains CRLF");
                }

                to.Advance(valueLength);
                to.Write("\r\n"u8);
            }
        }

        to.Write("\r\n"u8);
    }

    /// <summary>Throws <see cref="NatsException"/> when the bytes are not headers.</summary>
    public static void Parse(ReadOnlySpan<byte> bytes, NatsHeaders into, Encoding encoding)
    {
        var isFirst = true;
        while (!bytes.IsEmpty)
        {
            var end = bytes.IndexOf("\r\n"u8);
            if (end < 0)
            {
                throw new NatsException($"Protocol error: invalid header line '{Encoding.ASCII.GetString(bytes)}'");
            }

            var line = bytes[..end];
            bytes = bytes[(end + 2)..];
            if (isFirst)
            {
                ParseStatus(line, into, encoding);
                isFirst = false;
            }
            else if (!line.IsEmpty)
            {
                ParseLine(line, into, encoding);
            }
        }

        if (isFirst)
        {
            throw new NatsException("Error parsing headers");
        }
    }

    /// <summary>Whether the status of raw headers is 503, without parsing them.</summary>
    public static bool IsNoResponders(ReadOnlySpan<byte> bytes) => bytes.StartsWith("NATS/1.0 503"u8);

    // NATS/1.0 [code [text]]
    private static void ParseStatus(ReadOnlySpan<byte> line, NatsHeaders into, Encoding encoding)
    {
        if (!line.StartsWith("NATS/1.0"u8))
        {
            throw new NatsException("Protocol error: header version mismatch");
        }

        var status = line[8..].Trim((byte)' ');
        if (status.IsEmpty)
        {
            return;
        }

        if (!Utf8Parser.TryParse(status, out int code, out var used))
        {
            throw new NatsException("Protocol error: header code is not a number");
        }

        into.Code = code;
        var text = status[used..].Trim((byte)' ');
        foreach (var known in KnownMessages)
        {
            if (text.SequenceEqual(known.Bytes))
            {
                into.Message = known.Message;
                into.MessageText = known.Text;
                return;
            }
        }

        into.MessageText = encoding.GetString(text);
    }

    private static void ParseLine(ReadOnlySpan<byte> line, NatsHeaders into, Encoding encoding)
    {
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].IndexOfAny((byte)' ', (byte)'\t') >= 0)
        {
            throw new NatsException($"Protocol error: invalid header line '{Encoding.ASCII.GetString(line)}'");
        }

        var key = encoding.GetString(line[..colon]);
        var value = encoding.GetString(line[(colon + 1)..].Trim(" \t"u8));
        into[key] = into.TryGetValue(key, out var existing) ? StringValues.Concat(existing, value) : value;
    }

    private static bool IsName(ReadOnlySpan<byte> name)
    {
        foreach (var b in name)
        {
            if (b is <= (byte)' ' or (byte)':' or >= 127)
            {
                return false;
            }
        }

        return true;
    }
}
