using System.Text;
using System.Text.Unicode;

namespace NATS.Client.Core;

/// <summary>The commands a client sends, written to a buffer.</summary>
internal static class Commands
{
    private const int LongestNumber = 11;

    public static void Ping(ByteBuffer to) => to.Write("PING\r\n"u8);

    public static void Pong(ByteBuffer to) => to.Write("PONG\r\n"u8);

    public static void Connect(ByteBuffer to, ReadOnlySpan<byte> json)
    {
        to.Write("CONNECT "u8);
        to.Write(json);
        to.Write("\r\n"u8);
    }

    /// <summary>PUB, or HPUB when there are headers.</summary>
    public static void Publish(
        ByteBuffer to, string subject, string? replyTo, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> payload)
    {
        var line = new Line(to.GetSpan(
            16 + Encoding.UTF8.GetMaxByteCount(subject.Length) + Encoding.UTF8.GetMaxByteCount(replyTo?.Length ?? 0)
            + (2 * LongestNumber) + headers.Length + payload.Length));
        line.Raw(headers.IsEmpty ? "PUB "u8 : "HPUB "u8);
        line.Token(subject);
        if (replyTo is not null)
        {
            line.Token(replyTo);
        }

        if (!headers.IsEmpty)
        {
            line.Number(headers.Length);
            line.Raw(" "u8);
        }

        line.Number(headers.Length + payload.Length);
        line.Raw("\r\n"u8);
        line.Raw(headers);
        line.Raw(payload);
        line.Raw("\r\n"u8);
        to.Advance(line.Length);
    }

    /// <summary>SUB, and with <paramref name="maxMsgs"/> the UNSUB that ends it after so many.</summary>
    public static void Subscribe(ByteBuffer to, int sid, string subject, string? queueGroup, int? maxMsgs)
    {
        var line = new Line(to.GetSpan(
            16 + LongestNumber + Encoding.UTF8.GetMaxByteCount(subject.Length) + Encoding.UTF8.GetMaxByteCount(queueGroup?.Length ?? 0)));
        line.Raw("SUB "u8);
        line.Token(subject);
        if (queueGroup is not null)
        {
            line.Token(queueGroup);
        }

        line.Number(sid);
        line.Raw("\r\n"u8);
        to.Advance(line.Length);

        if (maxMsgs is > 0)
        {
            Unsubscribe(to, sid, maxMsgs);
        }
    }

    public static void Unsubscribe(ByteBuffer to, int sid, int? maxMsgs = null)
    {
        var line = new Line(to.GetSpan(16 + (2 * LongestNumber)));
        line.Raw("UNSUB "u8);
        line.Number(sid);
        if (maxMsgs is { } max)
        {
            line.Raw(" "u8);
            line.Number(max);
        }

        line.Raw("\r\n"u8);
        to.Advance(line.Length);
    }

    private ref struct Line(Span<byte> into)
    {
        private readonly Span<byte> _into = into;

        public int Length { get; private set; }

        public void Raw(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_into[Length..]);
            Length += bytes.Length;
        }

        public void Token(string text)
        {
            Utf8.FromUtf16(text, _into[Length..], out _, out var written);
            Length += written;
            _into[Length++] = (byte)' ';
        }

        public void Number(int value)
        {
            value.TryFormat(_into[Length..], out var written);
            Length += written;
        }
    }
}
