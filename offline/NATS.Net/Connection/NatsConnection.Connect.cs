namespace NATS.Client.Core;

// Making a connection.
public partial class NatsConnection
{
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
        try
        {
            if (Opts.TlsOpts.EffectiveMode(server) == TlsMode.Implicit)
            {
                await UpgradeAsync(transport).ConfigureAwait(false);
            }

            return transport;
        }
        catch (Exception e)
        {
            transport.Close(e);
            throw;
        }
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

    /// <summary>
    /// Starts a loop that does not belong to whoever happened to connect: no trace, no culture, no request scope.
    /// </summary>
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
