using System.Buffers.Text;
using System.Net.Sockets;
using System.Text;

namespace ShopBench;

/// <summary>
/// One HTTP connection that posts the same order over and over. A general HTTP client would use as much of the machine as the
/// service under test.
/// </summary>
internal sealed class Poster : IDisposable
{
    private static readonly byte[] HeaderEnd = "\r\n\r\n"u8.ToArray();

    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _request;
    private readonly byte[] _answer = new byte[16 * 1024];

    private Poster(Target target) => _request = Encoding.ASCII.GetBytes(
        $"POST {target.Orders.AbsolutePath} HTTP/1.1\r\nHost: {target.Orders.Authority}\r\nContent-Type: application/json\r\n"
        + $"Content-Length: {Encoding.UTF8.GetByteCount(target.Body)}\r\n\r\n{target.Body}");

    public static async Task<Poster> ConnectAsync(Target target)
    {
        var poster = new Poster(target);
        await poster._socket.ConnectAsync(target.Orders.Host, target.Orders.Port);
        return poster;
    }

    /// <returns>The order's id, as the answer has it.</returns>
    /// <exception cref="InvalidDataException">The answer is not 201 with an id.</exception>
    public async Task<string> PostAsync()
    {
        await _socket.SendAsync(_request);
        var length = 0;
        do
        {
            var read = await _socket.ReceiveAsync(_answer.AsMemory(length));
            if (read == 0)
                throw new InvalidDataException("the connection was closed");
            length += read;
        }
        while (!IsWhole(_answer.AsSpan(0, length)));

        var answer = _answer.AsSpan(0, length);
        if (!answer.StartsWith("HTTP/1.1 201 "u8) || OrderId.In(answer, "\"id\":\""u8) is not { } id)
            throw new InvalidDataException(Encoding.UTF8.GetString(answer));
        return id;
    }

    public void Dispose() => _socket.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf(HeaderEnd);
        if (end < 0)
            return false;
        var headers = answer[..end];
        var at = headers.IndexOf("Content-Length: "u8);
        if (at < 0)
            return answer.EndsWith("\r\n0\r\n\r\n"u8);
        return Utf8Parser.TryParse(headers[(at + 16)..], out int length, out _) && answer.Length == end + 4 + length;
    }
}

/// <summary>Finds an order's id in JSON without reading the rest of it.</summary>
internal static class OrderId
{
    public static string? In(ReadOnlySpan<byte> json, ReadOnlySpan<byte> member)
    {
        var at = json.IndexOf(member);
        if (at < 0)
            return null;
        var value = json[(at + member.Length)..];
        var end = value.IndexOf((byte)'"');
        return end < 0 ? null : Encoding.ASCII.GetString(value[..end]);
    }
}
