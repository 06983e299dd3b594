using System.Net;
using System.Net.Sockets;

namespace EventShop.Tests.NatsClient;

/// <summary>A TCP proxy that passes on what a server sends in slices, each in a packet of its own.</summary>
internal sealed class SlicingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public SlicingProxy(int serverPort, int bytesPerWrite)
    {
        _listener.Start();
        _accepting = AcceptAsync(serverPort, bytesPerWrite);
    }

    public string Url => $"nats://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync(int serverPort, int bytesPerWrite)
    {
        try
        {
            using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            using var server = new TcpClient { NoDelay = true };
            client.NoDelay = true;
            await server.ConnectAsync(IPAddress.Loopback, serverPort, _stop.Token);
            await Task.WhenAny(
                PassAsync(client.GetStream(), server.GetStream(), int.MaxValue),
                PassAsync(server.GetStream(), client.GetStream(), bytesPerWrite));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task PassAsync(NetworkStream from, NetworkStream to, int bytesPerWrite)
    {
        var buffer = new byte[8192];
        try
        {
            while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var read)
            {
                for (var at = 0; at < read; at += Math.Min(bytesPerWrite, read - at))
                {
                    await to.WriteAsync(buffer.AsMemory(at, Math.Min(bytesPerWrite, read - at)), _stop.Token);
                    await Task.Yield();
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One side is gone.
        }
    }
}
