using System.Text;
using System.Text.Json;

namespace NATS.Client.Core;

// Making a connection: dial, introduce, authenticate.
public partial class NatsConnection
{
    private string _lastAuthError = "";
    private bool _stopRetries;
    private ServerAddress? _lastSeed;

    /// <inheritdoc/>
    public async ValueTask ConnectAsync()
    {
        while (true)
        {
            try
            {
                if (_state == NatsConnectionState.Failed)
                {
                    throw new NatsConnectionFailedException("Connection is in failed state");
                }

                if (_state == NatsConnectionState.Open)
                {
                    return;
                }

                Task? opened = null;
                lock (_gate)
                {
                    ObjectDisposedException.ThrowIf(IsDisposed, this);
                    if (_state == NatsConnectionState.Closed)
                    {
                        _state = NatsConnectionState.Connecting;
                    }
                    else if (_state != NatsConnectionState.Open)
                    {
                        opened = _opened.Task;
                    }
                    else
                    {
                        return;
                    }
                }

                await (opened ?? OpenFirstAsync()).ConfigureAwait(false);
                return;
            }
            catch (NatsException) when (Opts.RetryOnInitialConnect && _state != NatsConnectionState.Failed)
            {
                await BackOffAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task OpenFirstAsync()
    {
        try
        {
            var transport = await DialAnyAsync().ConfigureAwait(false);
            try
            {
                await IntroduceAsync(transport, isReconnect: false).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                throw new NatsException($"can not start to connect nats server: {transport.Server}", e);
            }

            OnOpened(transport);
            _ = StartDetached(() => SuperviseAsync(transport));
        }
        catch (Exception e)
        {
            var failure = e as NatsException ?? new NatsException($"can not connect: {e.Message}", e);
            lock (_gate)
            {
                _state = NatsConnectionState.Closed;
                _opened.TrySetException(failure);
                _ = _opened.Task.Exception;
                _opened = NewSignal();
            }

            throw failure;
        }
    }

    private async Task<Transport> DialAnyAsync()
    {
        var servers = Opts.SeedAddresses();
        foreach (var server in servers)
        {
            if (server.Uri.Scheme == "tls" && Opts.TlsOpts.EffectiveMode(server) == TlsMode.Disable)
            {
                throw new NatsException($"URI {server} requires TLS but TlsMode is set to Disable");
            }

            try
            {
                return await DialAsync(server).ConfigureAwait(false);
            }
            catch (Exception e) when (!IsDisposed)
            {
                _logger.ConnectFailed(e, server);
            }
        }

        throw new NatsException("can not connect uris: " + string.Join<ServerAddress>(",", servers));
    }

    private async Task<Transport> DialAsync(ServerAddress server)
    {
        var transport = await Transport.ConnectAsync(server, Opts, _disposed.Token).ConfigureAwait(false);
        if (Opts.TlsOpts.EffectiveMode(server) == TlsMode.Implicit)
        {
            await UpgradeAsync(transport).ConfigureAwait(false);
        }

        return transport;
    }

    /// <summary>INFO, TLS, CONNECT, PING and PONG; after it the server takes commands. Closes the transport when it throws.</summary>
    private async Task IntroduceAsync(Transport transport, bool isReconnect)
    {
        try
        {
            if (transport.Server.IsSeed)
            {
                _lastSeed = transport.Server;
            }

            await ReceiveInfoAsync(transport).ConfigureAwait(false);
            await NegotiateTlsAsync(transport).ConfigureAwait(false);

            var hello = new ByteBuffer(4096);
            Commands.Connect(hello, JsonSerializer.SerializeToUtf8Bytes(await CredentialsAsync(transport).ConfigureAwait(false), ProtocolJson.Default.ConnectOptions));
            Commands.Ping(hello);
            if (isReconnect)
            {
                _subscriptions.WriteTo(hello);
            }

            var receiver = new Receiver(this, transport);
            _ = StartDetached(receiver.ReadAsync);
            await transport.WriteAsync(hello.WrittenMemory).ConfigureAwait(false);
            await receiver.Answered.WaitAsync(Opts.ConnectTimeout).ConfigureAwait(false);
            _lastAuthError = "";
        }
        catch (Exception e)
        {
            RememberAuthError(e);
            transport.Close(e);
            throw;
        }
    }

    private async Task ReceiveInfoAsync(Transport transport)
    {
        using var timeout = new CancellationTokenSource(Opts.ConnectTimeout);
        byte[] line;
        try
        {
            line = await FrameReader.ReadLineAsync(transport.Input, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException("The server did not introduce itself in time");
        }

        if (line.AsSpan().StartsWith("-ERR"u8))
        {
            throw new NatsServerException(FrameReader.ParseError(line));
        }

        if (!line.AsSpan().StartsWith("INFO "u8))
        {
            throw new NatsProtocolViolationException("Not a NATS server: " + Encoding.ASCII.GetString(line.AsSpan(0, Math.Min(line.Length, 60))));
        }

        ApplyInfo(line.AsSpan(5), transport);
    }

    private async Task NegotiateTlsAsync(Transport transport)
    {
        var mode = Opts.TlsOpts.EffectiveMode(transport.Server);
        var info = _serverInfo!;
        if (mode == TlsMode.Disable && info.TlsRequired)
        {
            throw new NatsException($"Server {transport.Server} requires TLS but TlsMode is set to Disable");
        }

        var isOffered = info.TlsRequired || info.TlsAvailable;
        if (mode == TlsMode.Require && !isOffered)
        {
            throw new NatsException($"Server {transport.Server} does not support TLS but TlsMode is set to Require");
        }

        if (isOffered && (mode is TlsMode.Require or TlsMode.Prefer))
        {
            await UpgradeAsync(transport).ConfigureAwait(false);
        }
    }

    private async Task UpgradeAsync(Transport transport)
    {
        // A server announced by its address alone proves itself under the name of the seed that announced it.
        var host = transport.Server.Host;
        if (!transport.Server.IsSeed && _lastSeed is { } seed && Uri.CheckHostName(seed.Host) == UriHostNameType.Dns
            && Uri.CheckHostName(host) != UriHostNameType.Dns)
        {
            host = seed.Host;
        }

        await transport.UpgradeAsync(await Opts.TlsOpts.HandshakeOptionsAsync(host).ConfigureAwait(false), Opts.ConnectTimeout).ConfigureAwait(false);
    }

    private async Task<ConnectOptions> CredentialsAsync(Transport transport)
    {
        var (user, password, token) = (Opts.AuthOpts.Username, Opts.AuthOpts.Password, Opts.AuthOpts.Token);
        if (Opts.AuthOpts.AuthCredCallback is { } callback)
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_disposed.Token);
            timeout.CancelAfter(Opts.ConnectTimeout);
            var given = await callback(transport.Server.Uri, timeout.Token).ConfigureAwait(false);
            (user, password, token) = (given.User ?? user, given.Password ?? password, given.Token ?? token);
        }

        return new ConnectOptions
        {
            Name = Opts.Name,
            Echo = Opts.Echo,
            Verbose = Opts.Verbose,
            Headers = Opts.Headers,
            User = user,
            Pass = password,
            AuthToken = token,
        };
    }

    private void RememberAuthError(Exception exception)
    {
        if (exception is not NatsServerException { IsAuthError: true } refused)
        {
            return;
        }

        if (!Opts.IgnoreAuthErrorAbort && _lastAuthError == refused.Error)
        {
            _stopRetries = true;
            _logger.AuthenticationStopped(refused.Error);
        }

        _lastAuthError = refused.Error;
    }

    private void OnOpened(Transport transport)
    {
        lock (_gate)
        {
            if (IsDisposed)
            {
                transport.Close(null);
                throw new ObjectDisposedException(nameof(NatsConnection));
            }

            _transport = transport;
            _retries = 0;
            _backOff = TimeSpan.Zero;
            _state = NatsConnectionState.Open;
            _writeLoop = StartDetached(() => _writer.RunAsync(transport));
            _ = StartDetached(() => PingAsync(transport));
            _opened.TrySetResult();
        }

        _logger.Connected(Opts.Name, transport.Server);
        _events.Post(ConnectionOpened, this, new NatsEventArgs(transport.Server.ToString()));
    }

    /// <summary>Starts a loop that does not belong to whoever happened to connect: no trace, no culture, no request scope.</summary>
    private static Task StartDetached(Func<Task> loop)
    {
        if (ExecutionContext.IsFlowSuppressed())
        {
            return Task.Run(loop);
        }

        using (ExecutionContext.SuppressFlow())
        {
            return Task.Run(loop);
        }
    }
}
