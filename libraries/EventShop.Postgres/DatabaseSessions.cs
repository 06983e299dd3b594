using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace EventShop.Postgres;

/// <summary>
/// The sessions a service has with its database: those of its own statements, and those of what runs in the background. Both are of the
/// <see cref="NpgsqlDataSource"/> that is registered, whoever registered it, unless there is one for the background (<see cref="Key"/>).
/// </summary>
internal sealed class DatabaseSessions(IServiceProvider services)
{
    /// <summary>
    /// The key of the data source for what runs in the background: with one of its own it gets a session however busy the service is.
    /// </summary>
    public const string Key = DatabaseExtensions.BackgroundKey;

    private const string QueueSettings = """
        select set_config('enable_seqscan', 'off', true),
               case current_setting('synchronous_commit') when 'on' then set_config('synchronous_commit', 'off', true) end
        """;

    /// <summary>For the service's own statements.</summary>
    public NpgsqlDataSource Main { get; } = services.GetRequiredService<NpgsqlDataSource>();

    /// <summary>For background work.</summary>
    public NpgsqlDataSource Background { get; } =
        services.GetKeyedService<NpgsqlDataSource>(Key) ?? services.GetRequiredService<NpgsqlDataSource>();

    /// <summary>Whether a session stays ours for as long as it listens for notifications.</summary>
    public bool CanListen => !_isBehindPooler && !new NpgsqlConnectionStringBuilder(Background.ConnectionString).Multiplexing;

    private readonly bool _isBehindPooler = services.GetService<DatabaseOptions>() is { BehindPooler: true };

    /// <summary>
    /// A statement whose commit need not wait for the disk, and which the planner must not answer by reading a whole table: to it a queue that is
    /// emptied all the time is a small table, whose pages of dead rows it does not see.
    /// </summary>
    /// <remarks>
    /// The settings hold for this batch's transaction only: the session, and a pooler's server connection, are left as they were. Whoever wants more of
    /// commits than the default, or less, has said so in the connection string, and keeps it.
    /// </remarks>
    public NpgsqlBatch CreateQueueBatch(string sql, out NpgsqlBatchCommand statement)
    {
        statement = new NpgsqlBatchCommand(sql);
        var batch = Background.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(QueueSettings));
        batch.BatchCommands.Add(statement);
        return batch;
    }

    /// <summary>Every session that there is now is closed, at once or when it is no longer in use; and which host is the primary is asked again.</summary>
    public void Renew()
    {
        foreach (var pool in new HashSet<NpgsqlDataSource> { Main, Background })
        {
            pool.Clear();
            (pool as NpgsqlMultiHostDataSource)?.ClearDatabaseStates();
        }
    }
}
