using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace NATS.Client.Core;

/// <summary>One TCP connection, with TLS or without. It ends once: <see cref="Close"/> says why.</summary>
internal sealed class Transport : IDisposable
{
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource<Exception?> _reason = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _bufferSize;
    private Stream _stream;

    private Transport(ServerAddress server, Socket socket, int bufferSize)
    {
        Server = server;
        _bufferSize = bufferSize;
        _stream = new NetworkStream(socket, ownsSocket: true);
        Input = CreateReader();
    }

    public ServerAddress Server { get; }

    public PipeReader Input { get; private set; }

    /// <summary>Completes with the reason when the connection has ended.</summary>
    public Task<Exception?> Closed => _reason.Task;

    public CancellationToken ClosedToken => _closed.Token;

    public static async Task<Transport> ConnectAsync(ServerAddress server, NatsOpts opts, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(opts.ConnectTimeout);
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, timeout.Token).ConfigureAwait(false);
            return new Transport(server, socket, opts.ReaderBufferSize);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Continues in TLS. The server has said nothing yet that is not read.</summary>
    public async Task UpgradeAsync(SslClientAuthenticationOptions options, TimeSpan timeout)
    {
        await Input.CompleteAsync().ConfigureAwait(false);
        var tls = new SslStream(_stream);
        _stream = tls;
        using var handshake = new CancellationTokenSource(timeout);
        try
        {
            await tls.AuthenticateAsClientAsync(options, handshake.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new NatsException("TLS authentication timed out");
        }
        catch (AuthenticationException e)
        {
            throw new NatsException("TLS authentication failed", e);
        }

        Input = CreateReader();
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => _stream.WriteAsync(bytes, ClosedToken);

    public void Close(Exception? reason)
    {
        if (_reason.TrySetResult(reason))
        {
            _closed.Cancel();
            _stream.Dispose();
        }
    }

    public void Dispose() => Close(null);

    private PipeReader CreateReader() =>
        PipeReader.Create(_stream, new StreamPipeReaderOptions(bufferSize: _bufferSize, leaveOpen: true));
}
