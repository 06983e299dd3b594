using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace EventShop.Tests;

/// <summary>Requests that no HTTP client would send: they go out as they are written, one on a connection.</summary>
internal static class RawHttp
{
    /// <param name="server">Whom to ask.</param>
    /// <param name="request">The request line, then headers, one a line; a character is a byte.</param>
    /// <param name="body">With a <c>Content-Length</c> of its own.</param>
    public static async Task<RawAnswer> SendAsync(Uri server, string request, byte[]? body = null)
    {
        var cancelled = TestContext.Current.CancellationToken;
        using var client = new TcpClient();
        await client.ConnectAsync(server.Host, server.Port, cancelled);
        var stream = client.GetStream();
        var head = $"{request.ReplaceLineEndings("\r\n")}\r\nHost: {server.Authority}\r\nConnection: close\r\nContent-Length: {body?.Length ?? 0}\r\n\r\n";
        await stream.WriteAsync(Encoding.Latin1.GetBytes(head), cancelled);
        await stream.WriteAsync(body ?? [], cancelled);
        return await ReadAsync(stream);
    }

    /// <summary>Reads an answer until the server closes the connection.</summary>
    public static async Task<RawAnswer> ReadAsync(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8);
        var parts = (await reader.ReadToEndAsync(TestContext.Current.CancellationToken)).Split("\r\n\r\n", 2);
        return new(int.Parse(parts[0].Split(' ')[1], CultureInfo.InvariantCulture), parts[0], parts.ElementAtOrDefault(1) ?? "");
    }
}

/// <param name="Headers">With the status line.</param>
/// <param name="Body">As it was sent: in chunks, perhaps.</param>
internal sealed record RawAnswer(int Status, string Headers, string Body);
