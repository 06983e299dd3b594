using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Text;

namespace NATS.Client.Core;

/// <summary>What the read loop reports. Spans and sequences are only valid until the returned task completes.</summary>
internal interface IFrameHandler
{
    ValueTask OnMessageAsync(in MessageFrame frame, ReadOnlySequence<byte> headers, ReadOnlySequence<byte> payload);

    void OnInfo(ReadOnlySpan<byte> json);

    void OnPing();

    void OnPong();

    void OnError(string error);
}

/// <summary>The control line of MSG or HMSG.</summary>
internal readonly ref struct MessageFrame
{
    public ReadOnlySpan<byte> Subject { get; init; }

    public int Sid { get; init; }

    public ReadOnlySpan<byte> ReplyTo { get; init; }

    public int HeadersLength { get; init; }

    public int TotalLength { get; init; }

    public bool HasHeaders { get; init; }
}

/// <summary>Parses what a server sends, wherever the bytes are split.</summary>
internal static class FrameReader
{
    private const int LongestLine = 1024 * 1024;

    /// <summary>Reads until the connection ends. Throws on a protocol violation.</summary>
    public static async Task ReadAllAsync(
        PipeReader input, IFrameHandler handler, int maxPayload, CancellationToken cancellationToken)
    {
        var missing = 1;
        while (true)
        {
            var read = await input.ReadAtLeastAsync(missing, cancellationToken).ConfigureAwait(false);
            var buffer = read.Buffer;
            while (TryHandle(ref buffer, handler, maxPayload, out missing, out var handling))
            {
                if (!handling.IsCompletedSuccessfully)
                {
                    await handling.ConfigureAwait(false);
                }
            }

            var wanted = checked((int)buffer.Length + missing);
            input.AdvanceTo(buffer.Start, buffer.End);
            missing = wanted;
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Reads the first line a server sends, without its line end.</summary>
    public static async Task<byte[]> ReadLineAsync(PipeReader input, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            if (read.Buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = read.Buffer.Slice(0, end).ToArray();
                input.AdvanceTo(read.Buffer.GetPosition(1, end));
                return line.AsSpan().TrimEnd((byte)'\r').ToArray();
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (read.IsCompleted || read.Buffer.Length > LongestLine)
            {
                throw new NatsException("The server closed the connection before it introduced itself");
            }
        }
    }

    /// <summary>The error text of an -ERR line: what stands between the quotes.</summary>
    public static string ParseError(ReadOnlySpan<byte> line) =>
        Encoding.UTF8.GetString(line[4..].Trim((byte)' ').Trim((byte)'\''));

    /// <summary>Handles one frame and cuts it off; otherwise says how many more bytes are needed at least.</summary>
    private static bool TryHandle(
        ref ReadOnlySequence<byte> buffer, IFrameHandler handler, int maxPayload, out int missing, out ValueTask handling)
    {
        handling = default;
        missing = 1;
        byte[]? copy = null;
        var first = buffer.FirstSpan;
        var end = first.IndexOf((byte)'\n');
        if (end < 0)
        {
            if (buffer.PositionOf((byte)'\n') is not { } position)
            {
                return buffer.Length <= LongestLine ? false : throw new NatsProtocolViolationException("Line too long");
            }

            first = copy = buffer.Slice(0, buffer.GetPosition(1, position)).ToArray();
            end = copy.Length - 1;
        }

        var line = first[..end];
        if (line.EndsWith("\r"u8))
        {
            line = line[..^1];
        }

        var lineLength = end + 1;
        if (line.Length > 4 && (line[0] | 0x20) is (byte)'m' or (byte)'h')
        {
            var frame = ParseMessageLine(line, maxPayload);
            var total = lineLength + frame.TotalLength + 2L;
            if (buffer.Length < total)
            {
                missing = checked((int)(total - buffer.Length));
                return false;
            }

            var headers = buffer.Slice(lineLength, frame.HeadersLength);
            var payload = buffer.Slice(lineLength + frame.HeadersLength, frame.TotalLength - frame.HeadersLength);
            handling = handler.OnMessageAsync(frame, headers, payload);
            buffer = buffer.Slice(total);
            return true;
        }

        HandleControl(line, handler);
        buffer = buffer.Slice(lineLength);
        return true;
    }

    private static void HandleControl(ReadOnlySpan<byte> line, IFrameHandler handler)
    {
        if (Ascii.EqualsIgnoreCase(line, "PING"u8))
        {
            handler.OnPing();
        }
        else if (Ascii.EqualsIgnoreCase(line, "PONG"u8))
        {
            handler.OnPong();
        }
        else if (line.StartsWith("-ERR"u8))
        {
            handler.OnError(ParseError(line));
        }
        else if (line.Length > 5 && Ascii.EqualsIgnoreCase(line[..5], "INFO "u8))
        {
            handler.OnInfo(line[5..]);
        }
    }

    // MSG <subject> <sid> [reply-to] <#bytes>    HMSG <subject> <sid> [reply-to] <#header bytes> <#total bytes>
    private static MessageFrame ParseMessageLine(ReadOnlySpan<byte> line, int maxPayload)
    {
        var hasHeaders = (line[0] | 0x20) == 'h';
        Span<Range> parts = stackalloc Range[8];
        var count = Split(line, parts);
        var required = hasHeaders ? 5 : 4;
        if (count != required && count != required + 1)
        {
            throw new NatsProtocolViolationException($"Cannot parse {Encoding.UTF8.GetString(line)}");
        }

        var total = Number(line, parts[count - 1]);
        var headers = hasHeaders ? Number(line, parts[count - 2]) : 0;
        if (headers < 0 || total < headers || total > maxPayload)
        {
            throw new NatsProtocolViolationException($"Lengths out of range in {Encoding.UTF8.GetString(line)}");
        }

        return new MessageFrame
        {
            Subject = line[parts[1]],
            Sid = Number(line, parts[2]),
            ReplyTo = count > required ? line[parts[3]] : default,
            HeadersLength = headers,
            TotalLength = total,
            HasHeaders = hasHeaders,
        };
    }

    private static int Split(ReadOnlySpan<byte> line, Span<Range> parts)
    {
        var count = 0;
        var at = 0;
        while (at < line.Length && count < parts.Length)
        {
            var length = line[at..].IndexOfAny((byte)' ', (byte)'\t');
            var end = length < 0 ? line.Length : at + length;
            if (end > at)
            {
                parts[count++] = at..end;
            }

            at = end + 1;
        }

        return count;
    }

    private static int Number(ReadOnlySpan<byte> line, Range part) =>
        Utf8Parser.TryParse(line[part], out int value, out var used) && used == line[part].Length
            ? value
            : throw new NatsProtocolViolationException($"Cannot parse {Encoding.UTF8.GetString(line)}");
}
