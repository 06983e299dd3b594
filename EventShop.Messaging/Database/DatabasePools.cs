using Microsoft.Extensions.Logging;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>The service's sessions: those of its own statements, and those of the outbox's relay.</summary>
internal sealed class DatabasePools : IAsyncDisposable
{
    public DatabasePools(string name, string connectionString, DatabaseOptions options, ILoggerFactory loggerFactory)
    {
        Main = new NpgsqlDataSourceBuilder(connectionString) { Name = name }.UseLoggerFactory(loggerFactory).Build();
        var relay = ConnectionSettings.ForRelay(connectionString, options.BehindPooler).ConnectionString;
        Relay = new NpgsqlDataSourceBuilder(relay) { Name = $"{name}-relay" }.Build();
        CanListen = !options.BehindPooler;
    }

    public NpgsqlDataSource Main { get; }

    public NpgsqlDataSource Relay { get; }

    /// <summary>Whether a session stays ours for as long as it listens.</summary>
    public bool CanListen { get; }

    /// <summary>Every session that there is now is closed, at once or when it is no longer in use; and which host is the primary is asked again.</summary>
    public void Renew()
    {
        foreach (var pool in new[] { Main, Relay })
        {
            pool.Clear();
            (pool as NpgsqlMultiHostDataSource)?.ClearDatabaseStates();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Relay.DisposeAsync();
        await Main.DisposeAsync();
    }
}
