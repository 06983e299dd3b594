using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EventShop.Tests.NatsClient;

/// <summary>
/// Speaks just enough of the protocol to answer one client's publishes with whatever a server of another version would send.
/// </summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, string> _sids = [];
    private readonly Func<string, (string? Subject, string? ReplyTo, string Payload)?> _answer;
    private readonly Task _serving;

    /// <param name="answer">From a publish's subject to the message it is answered with; a null subject stands for its reply subject.</param>
    public ScriptedServer(Func<string, (string? Subject, string? ReplyTo, string Payload)?> answer)
    {
        _answer = answer;
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Url => $"nats://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _serving;
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            using var reader = new StreamReader(client.GetStream(), Encoding.UTF8);
            await using var writer = new StreamWriter(client.GetStream(), new UTF8Encoding(false));
            (writer.AutoFlush, writer.NewLine) = (true, "\r\n");
            await writer.WriteLineAsync("""INFO {"server_id":"scripted","version":"9.9.9","max_payload":1048576,"headers":true,"of_tomorrow":{"a":[1]}}""");
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                await HandleAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), reader, writer);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task HandleAsync(string[] command, StreamReader reader, StreamWriter writer)
    {
        switch (command)
        {
            case ["PING"]:
                await writer.WriteLineAsync("PONG");
                break;
            case ["SUB", var subject, var sid]:
                _sids[subject] = sid;
                break;
            case ["PUB", var subject, .. var rest]:
                await reader.ReadLineAsync(_stop.Token);
                if (_answer(subject) is { } answer && rest is [var reply, _])
                {
                    // A reply goes to the inbox itself or to the wildcard above it.
                    var sid = _sids.GetValueOrDefault(reply) ?? _sids[reply[..reply.LastIndexOf('.')] + ".*"];
                    await writer.WriteLineAsync(
                        $"MSG {answer.Subject ?? reply} {sid} {answer.ReplyTo} {Encoding.UTF8.GetByteCount(answer.Payload)}");
                    await writer.WriteLineAsync(answer.Payload);
                }

                break;
        }
    }
}
