using System.Runtime.ExceptionServices;
using EventShop.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EventShop.Postgres;

/// <summary>
/// Knows whether the database takes writes. A session keeps for its life that it is read-only, long after the operator who set it, or the
/// failover that caused it, has gone: once somebody meets one, all are made new, until writes go through again.
/// </summary>
internal sealed class DatabaseWatch(
    DatabaseSessions sessions, IEnumerable<DatabaseProbe> probes, Supervisor supervisor, TimeProvider clock, ILogger<DatabaseWatch> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenRenewals = TimeSpan.FromSeconds(1);

    /// <summary>How long whoever asks waits for PostgreSQL.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly string _probe = (probes.LastOrDefault() ?? DatabaseProbe.IsWritable).Sql;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _readOnly = new(0);
    private Task<Exception?> _looking = Task.FromResult<Exception?>(null);
    private Trouble? _last;
    private bool _isAway;

    /// <returns>Null when the database takes writes; otherwise what it says instead, or that it says nothing.</returns>
    public async Task<Exception?> LookAsync()
    {
        Task<Exception?> looking;
        lock (_lock)
            // One for all who ask: where PostgreSQL does not answer, each would take a session and hold it for seconds.
            looking = _looking.IsCompleted ? _looking = Task.Run(ProbeAsync) : _looking;
        Exception? trouble;
        try
        {
            trouble = await looking.WaitAsync(Patience, clock);
        }
        catch (TimeoutException)
        {
            trouble = new TimeoutException($"no answer within {Patience.TotalSeconds} s");
        }
        if (trouble is not null)
            _last = new(trouble.Message, clock.GetTimestamp());
        return trouble;
    }

    /// <returns>What the database says instead of taking writes, now or some time within the last <paramref name="span"/>; otherwise null.</returns>
    public async Task<string?> LookBackAsync(TimeSpan span) =>
        // It is looked at now and then: what was seen last may have gone on for as long.
        (await LookAsync())?.Message ?? (_last is { } last && clock.GetElapsedTime(last.At) < span + Interval ? last.Text : null);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Wherever it is thrown: in a request, a handler, a loop, or inside somebody's object mapper, which may try again and tell nobody.
        AppDomain.CurrentDomain.FirstChanceException += Notice;
        try
        {
            await supervisor.RunAsync("database watch", WatchAsync, log, stoppingToken);
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= Notice;
        }
    }

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        while (true)
            if (await _readOnly.WaitAsync(Interval, stoppingToken))
                await RenewAsync(stoppingToken);
            else
                await LookAsync();
    }

    private async Task RenewAsync(CancellationToken stoppingToken)
    {
        log.DatabaseReadOnly();
        do
        {
            sessions.Renew();
            await Task.Delay(BetweenRenewals, clock, stoppingToken);
        }
        while (await LookAsync() is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction });
        // Those made since the last time may be read-only still.
        sessions.Renew();
        while (_readOnly.Wait(0, CancellationToken.None))
        {
            // Said before the sessions were made new.
        }
        log.DatabaseTakesWrites();
    }

    private void Notice(object? sender, FirstChanceExceptionEventArgs e)
    {
        if (e.Exception is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } && _readOnly.CurrentCount == 0)
            _readOnly.Release();
    }

    private async Task<Exception?> ProbeAsync()
    {
        try
        {
            await using var command = sessions.Background.CreateCommand(_probe);
            await command.ExecuteNonQueryAsync();
            if (Interlocked.Exchange(ref _isAway, false))
                // The sessions of before are dead, and each would cost somebody a request.
                sessions.Renew();
            return null;
        }
        catch (Exception e) when (e.IsDatabaseUnavailable() || e is NpgsqlException or ObjectDisposedException)
        {
            _isAway = true;
            return e;
        }
    }

    private sealed record Trouble(string Text, long At);
}

/// <summary>A statement that writes nothing, and fails where a write would.</summary>
internal sealed record DatabaseProbe(string Sql)
{
    public static readonly DatabaseProbe IsWritable =
        new("do $$ begin if current_setting('transaction_read_only')::bool then raise read_only_sql_transaction; end if; end $$");
}

/// <summary>PostgreSQL takes writes.</summary>
internal sealed class DatabaseHealthCheck(DatabaseWatch watch) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await watch.LookAsync() is { } trouble ? HealthCheckResult.Unhealthy(trouble.Message) : HealthCheckResult.Healthy();
}

/// <summary>PostgreSQL answers. While it takes no writes there may still be something to be read, which nobody else could do better.</summary>
internal sealed class DatabaseAnswersCheck(DatabaseWatch watch) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await watch.LookAsync() is { } trouble and not PostgresException
        {
            SqlState: PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.UndefinedTable,
        }
            ? HealthCheckResult.Unhealthy(trouble.Message)
            : HealthCheckResult.Healthy();
}
