using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace EventShop.Messaging.Testing;

/// <summary>A bad network: a TCP proxy of which each direction can be slow, silent or lying, and every connection can be cut.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Guid, Wire> _wires = new();
    private readonly Func<int> _serverPort;
    private readonly Task _accepting;

    /// <param name="serverPort">Where new connections lead.</param>
    public TcpProxy(Func<int> serverPort)
    {
        _serverPort = serverPort;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Connections made so far.</summary>
    public int Connections { get; private set; }

    public Direction ToServer { get; } = new();

    public Direction ToClient { get; } = new();

    /// <summary>New connections are closed at once.</summary>
    public bool IsDown { get; set; }

    /// <summary>Cuts connections (RST): each with this probability.</summary>
    public int Reset(double probability, Random random)
    {
        var victims = _wires.Where(_ => random.NextDouble() < probability).Select(wire => wire.Key).ToArray();
        foreach (var id in victims)
            Cut(id);
        return victims.Length;
    }

    /// <summary>Cuts all connections (RST).</summary>
    public void ResetAll()
    {
        foreach (var id in _wires.Keys)
            Cut(id);
    }

    /// <summary>Nothing passes any more and nobody is told; new connections are silent too.</summary>
    public void GoSilent() => ToServer.IsSilent = ToClient.IsSilent = true;

    /// <summary>
    /// The connections there are pass nothing any more and nobody is told, while new ones work: what a firewall does that has
    /// forgotten its connections.
    /// </summary>
    public void ForgetConnections()
    {
        foreach (var wire in _wires.Values)
            wire.HasLost = true;
    }

    /// <summary>Everything passes again. Connections that have lost something are cut, as nobody knows them any more.</summary>
    public void Heal()
    {
        IsDown = false;
        foreach (var direction in new[] { ToServer, ToClient })
            (direction.IsSilent, direction.Latency) = (false, TimeSpan.Zero);
        foreach (var (id, _) in _wires.Where(wire => wire.Value.HasLost))
            Cut(id);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        ResetAll();
        await _accepting;
        _stop.Dispose();
    }

    private void Cut(Guid id)
    {
        if (_wires.TryRemove(id, out var wire))
            wire.Cut();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                if (IsDown)
                    client.Dispose();
                else
                {
                    Connections++;
                    _ = ServeAsync(client);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        var id = Guid.NewGuid();
        var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        var wire = new Wire(client, server);
        _wires[id] = wire;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _serverPort(), _stop.Token);
            await Task.WhenAny(
                PassAsync(client.GetStream(), server.GetStream(), ToServer, wire),
                PassAsync(server.GetStream(), client.GetStream(), ToClient, wire));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
        {
            // The server is not there, or the wire was cut.
        }
        finally
        {
            Cut(id);
            wire.Cut();
        }
    }

    private async Task PassAsync(NetworkStream from, NetworkStream to, Direction direction, Wire wire)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var read)
            {
                if (direction.Latency > TimeSpan.Zero)
                    await Task.Delay(direction.Latency, _stop.Token);
                if (direction.IsSilent)
                    wire.HasLost = true;
                direction.Forge?.Invoke(buffer.AsSpan(0, read));
                if (!wire.HasLost)
                    await to.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // One side is gone.
        }
    }

    /// <summary>One way through.</summary>
    public sealed class Direction
    {
        public TimeSpan Latency { get; set; }

        public volatile bool IsSilent;

        /// <summary>Changes what passes, in place.</summary>
        public Action<Span<byte>>? Forge { get; set; }
    }

    private sealed class Wire(TcpClient client, TcpClient server)
    {
        /// <summary>Part of the stream was swallowed: what followed would be garbage, so nothing does.</summary>
        public volatile bool HasLost;

        private int _cuts;

        public void Cut()
        {
            if (Interlocked.Increment(ref _cuts) > 1)
                return;
            foreach (var socket in new[] { client, server })
            {
                if (socket.Client is { } open)
                    open.LingerState = new LingerOption(true, 0);
                socket.Dispose();
            }
        }
    }
}
