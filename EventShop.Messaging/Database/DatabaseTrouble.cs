using Npgsql;

namespace EventShop.Messaging;

/// <summary>Tells a database that is away, full up or stalled from a statement that is wrong.</summary>
public static class DatabaseTrouble
{
    /// <summary>Not the fault of what was asked: the same succeeds when the database is well again.</summary>
    public static bool IsDatabaseUnavailable(this Exception e) => e is NpgsqlException { IsTransient: true } or PostgresException
    {
        // Npgsql calls neither transient: a statement_timeout that ran out behind somebody's lock, and a primary that a failover
        // made a standby.
        SqlState: PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.ReadOnlySqlTransaction
    };
}
