namespace NATS.Client.Core;

// Keeping a connection: noticing that it is gone, and making it anew.
public partial class NatsConnection
{
    private int _retries;
    private TimeSpan _backOff;
    private Task _writeLoop = Task.CompletedTask;

    private async Task SuperviseAsync(Transport transport)
    {
        try
        {
            while (true)
            {
                var reason = await transport.Closed.ConfigureAwait(false);
                if (IsDisposed)
                {
                    return;
                }

                OnLost(transport, reason);

                // There is one queue of commands: the next connection's write loop must not meet this one's.
                await _writeLoop.ConfigureAwait(false);
                transport = await ReopenAsync(transport.Server).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            OnGaveUp(e);
        }
    }

    private void OnLost(Transport transport, Exception? reason)
    {
        lock (_gate)
        {
            _state = NatsConnectionState.Reconnecting;
            _opened.TrySetCanceled();
            _opened = NewSignal();
        }

        _writer.OnDisconnected();
        _logger.Disconnected(reason, Opts.Name, transport.Server);
        _events.Post(ConnectionDisconnected, this, new NatsEventArgs(transport.Server.ToString()));
    }

    /// <summary>Tries every known server in turn, waiting after each failure; the one just lost comes last.</summary>
    private async Task<Transport> ReopenAsync(ServerAddress lost)
    {
        var announced = (_serverInfo?.ClientConnectUrls ?? [])
            .Select(url => new ServerAddress(url, isSeed: false, lost.Uri.Scheme));
        var others = Opts.SeedAddresses().Concat(announced)
            .DistinctBy(server => (server.Host, server.Port))
            .Where(server => (server.Host, server.Port) != (lost.Host, lost.Port))
            .ToArray();
        if (!Opts.NoRandomize)
        {
            Random.Shared.Shuffle(others);
        }

        ServerAddress[] servers = [.. others, lost];
        for (var i = 0; ; i = (i + 1) % servers.Length)
        {
            _disposed.Token.ThrowIfCancellationRequested();
            try
            {
                var transport = await DialAsync(servers[i]).ConfigureAwait(false);
                await IntroduceAsync(transport, isReconnect: true).ConfigureAwait(false);
                OnOpened(transport);
                return transport;
            }
            catch (Exception e) when (!IsDisposed)
            {
                _logger.ConnectFailed(e, servers[i]);
                _events.Post(ReconnectFailed, this, new NatsEventArgs(servers[i].ToString()));
                await BackOffAsync().ConfigureAwait(false);
            }
        }
    }

    private void OnGaveUp(Exception reason)
    {
        lock (_gate)
        {
            _opened.TrySetException(reason);
            _ = _opened.Task.Exception;
        }

        if (!IsDisposed)
        {
            _logger.GaveUp(reason, Opts.Name);
        }
    }

    /// <summary>
    /// Waits the next step of the back-off. Throws <see cref="NatsConnectionFailedException"/> when there is to be no further attempt.
    /// </summary>
    private async Task BackOffAsync()
    {
        TimeSpan wait;
        Task opened;
        lock (_gate)
        {
            var retry = _retries++;
            if (_stopRetries)
            {
                _state = NatsConnectionState.Failed;
                throw new NatsConnectionFailedException("Maximum authentication attempts exceeded");
            }

            if (Opts.MaxReconnectRetry > 0 && retry > Opts.MaxReconnectRetry)
            {
                _state = NatsConnectionState.Failed;
                throw new NatsConnectionFailedException("Maximum connection retry attempts exceeded");
            }

            _backOff = _backOff == TimeSpan.Zero || Opts.ReconnectWaitMin >= Opts.ReconnectWaitMax
                ? Opts.ReconnectWaitMin
                : TimeSpan.FromTicks(Math.Min(_backOff.Ticks * 2, Opts.ReconnectWaitMax.Ticks));
            wait = _backOff + (Opts.ReconnectJitter * Random.Shared.NextDouble());
            opened = _opened.Task;
        }

        // Another caller may connect meanwhile.
        await Task.WhenAny(opened, Task.Delay(wait, _disposed.Token)).ConfigureAwait(false);
    }

    private async Task PingAsync(Transport transport)
    {
        if (Opts.PingInterval == TimeSpan.Zero)
        {
            return;
        }

        Volatile.Write(ref _unansweredPings, 0);
        using var timer = new PeriodicTimer(Opts.PingInterval);
        try
        {
            do
            {
                if (Interlocked.Increment(ref _unansweredPings) > Opts.MaxPingOut)
                {
                    _logger.PingsUnanswered();
                    transport.Close(new TimeoutException("The server does not answer pings"));
                    return;
                }

                _ = _writer.PingAsync();
            }
            while (await timer.WaitForNextTickAsync(transport.ClosedToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The connection ended.
        }
    }
}
