using EventShop.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>
/// Makes the connection to the broker, logs when it is lost, once a minute while it stays lost, and when it is back, and closes it at the
/// end. NATS.Net reconnects by itself.
/// </summary>
internal sealed class BrokerConnection : BackgroundService
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <summary>How long the broker may take to answer a ping when the service stops, and a connection to close.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly INatsConnection _connection;
    private readonly TimeProvider _clock;
    private readonly ILogger<BrokerConnection> _log;
    private readonly string _url;
    private readonly Lock _lock = new();
    private TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long? _lostAt;
    private long _loggedAt;

    public BrokerConnection(INatsConnection connection, TimeProvider clock, ILogger<BrokerConnection> log)
    {
        (_connection, _clock, _log) = (connection, clock, log);
        _url = BrokerUrl.WithoutCredentials(connection.Opts.Url);
        _connection.ConnectionOpened += (_, _) => Opened();
        _connection.ConnectionDisconnected += (_, _) => Lost();
    }

    public bool IsOpen => _connection.ConnectionState is NatsConnectionState.Open;

    public Task WaitUntilOpenAsync(CancellationToken cancellationToken) =>
        IsOpen ? Task.CompletedTask : _open.Task.WaitAsync(cancellationToken);

    /// <summary>Returns when the broker has what was written before: it answers a ping after that. Or when it does not answer.</summary>
    /// <returns>False when it is not known whether the broker has it.</returns>
    public async Task<bool> FlushAsync()
    {
        if (!IsOpen)
            return false;
        try
        {
            using var patience = new CancellationTokenSource(Patience, _clock);
            await _connection.PingAsync(patience.Token);
            return true;
        }
        catch (Exception e) when (e is NatsException or OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            // Left to the container, a broker that does not answer would hold the process up, and what that throws would end it.
            await _connection.DisposeAsync().AsTask().WaitAsync(Patience, _clock, cancellationToken);
        }
        catch (Exception e)
        {
            _log.NotClosed(_url, e.Message);
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Supervised.RunAsync("connection to NATS", KeepAsync, _clock, _log, stoppingToken);

    private async Task KeepAsync(CancellationToken stoppingToken)
    {
        await ConnectAsync(stoppingToken);
        using var timer = new PeriodicTimer(RetryPause, _clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            Remind();
    }

    private async Task ConnectAsync(CancellationToken stoppingToken)
    {
        while (!IsOpen)
        {
            try
            {
                await _connection.ConnectAsync().AsTask().WaitAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                if (IsTimeToLog())
                    _log.NotConnected(_url, NatsClientLog.LastFailure(_connection) ?? e.Message);
                await Task.Delay(Jitter.Around(RetryPause), _clock, stoppingToken);
            }
        }
    }

    private ValueTask Opened()
    {
        lock (_lock)
        {
            if (_lostAt is { } lostAt)
                _log.ConnectionBack(_url, _clock.GetElapsedTime(lostAt));
            _lostAt = null;
            _open.TrySetResult();
        }
        return ValueTask.CompletedTask;
    }

    private ValueTask Lost()
    {
        lock (_lock)
        {
            if (_lostAt is not null)
                return ValueTask.CompletedTask;
            _lostAt = _loggedAt = _clock.GetTimestamp();
            if (_open.Task.IsCompleted)
                _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _log.ConnectionLost(_url);
        }
        return ValueTask.CompletedTask;
    }

    private void Remind()
    {
        lock (_lock)
        {
            if (_lostAt is { } lostAt && IsTimeToLog())
                _log.StillNotConnected(_url, _clock.GetElapsedTime(lostAt), NatsClientLog.LastFailure(_connection));
        }
    }

    private bool IsTimeToLog()
    {
        if (_loggedAt != 0 && _clock.GetElapsedTime(_loggedAt) < Reminder.Interval)
            return false;
        _loggedAt = _clock.GetTimestamp();
        return true;
    }
}
