using EventShop.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EventShop.Postgres;

/// <summary>
/// Brings a database to the schema of this version before the service starts: in order, once, and by one replica at a time. Or, where
/// the service may not, waits until somebody else has.
/// </summary>
internal sealed class DatabaseSetup(
    NpgsqlDataSource db, DatabaseConnection? created, IEnumerable<SchemaScripts> scripts, DatabaseOptions options, TimeProvider clock,
    ILogger<DatabaseSetup> log) : IHostedService, ISetup
{
    /// <summary>Is there on every server, as long as nobody drops it.</summary>
    private const string MaintenanceDatabase = "postgres";

    public Task StartAsync(CancellationToken cancellationToken) => options.ApplySchema ? RunAsync(cancellationToken) : WaitAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task RunAsync(CancellationToken cancellationToken) => RunAsync(log.SchemaApplied, cancellationToken);

    /// <param name="applied">Is told the name of each script that is applied; again where it had to begin again.</param>
    /// <param name="cancellationToken">Ends it; nothing is applied then.</param>
    public async Task RunAsync(Action<string> applied, CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                if (created is not null)
                    await EnsureDatabaseAsync(created.ConnectionString, cancellationToken);
                await SchemaMigrator.ApplyAsync(db, Scripts(), applied, cancellationToken);
                return;
            }
            catch (NpgsqlException e) when (e.IsDatabaseUnavailable() && clock.GetElapsedTime(started) < options.StartupTimeout)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250), clock, cancellationToken);
            }
            catch (PostgresException e) when (e.SqlState.StartsWith("42", StringComparison.Ordinal))
            {
                throw new StartupException($"{Where()}: {e.MessageText}. Run the service's setup command as a role that owns its tables, with Database:ApplySchema false for the service", e);
            }
            catch (NpgsqlException e)
            {
                throw new StartupException($"{Where()}: {e.Message}. Start PostgreSQL there, or set {(created is null ? "its connection string" : $"ConnectionStrings__{created.Name}")}", e);
            }
        }
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        var started = clock.GetTimestamp();
        while (await WhatIsMissingAsync(cancellationToken) is { } missing)
        {
            if (clock.GetElapsedTime(started) > options.StartupTimeout)
                throw new StartupException($"{Where()}: {missing}, and Database:ApplySchema is false: run the service's setup command first");
            await Task.Delay(TimeSpan.FromMilliseconds(250), clock, cancellationToken);
        }
    }

    /// <returns>Null when the schema of this version has been applied. One of a later version is no trouble: it only adds.</returns>
    private async Task<string?> WhatIsMissingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = db.CreateCommand("select array_agg(name) from schema_versions");
            var applied = await command.ExecuteScalarAsync(cancellationToken) as string[] ?? [];
            var missing = Scripts().Select(script => script.Name).Except(applied).ToArray();
            return missing.Length == 0 ? null : $"its schema lacks {string.Join(", ", missing)}";
        }
        catch (NpgsqlException e)
        {
            return e.Message;
        }
    }

    /// <summary>Creates the database when it is missing. Asked for without looking first, PostgreSQL would log a missing database as FATAL.</summary>
    private async Task EnsureDatabaseAsync(string connectionString, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var name = settings.Database!;
        (settings.Database, settings.Pooling) = (MaintenanceDatabase, false);
        try
        {
            await using var server = NpgsqlDataSource.Create(settings);
            await using var look = server.CreateCommand("select 1 from pg_database where datname = @name").AddValue("name", name);
            if (await look.ExecuteScalarAsync(cancellationToken) is not null)
                return;
            await using var create = server.CreateCommand($"create database \"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
            await create.ExecuteNonQueryAsync(cancellationToken);
            log.DatabaseCreated(name);
        }
        catch (PostgresException)
        {
            // Another replica was faster, or this role may not look or not create. If the database is missing, connecting to it says so.
        }
    }

    private string Where()
    {
        var settings = new NpgsqlConnectionStringBuilder(db.ConnectionString);
        return $"database {settings.Database} at {settings.Host}:{settings.Port}";
    }

    private IEnumerable<SchemaScript> Scripts() => scripts.SelectMany(set => set.All);
}
