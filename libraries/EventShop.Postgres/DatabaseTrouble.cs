using System.Net.Sockets;
using Npgsql;

namespace EventShop.Postgres;

/// <summary>Tells a database that cannot be used now from a statement, or a row, that is wrong.</summary>
public static class DatabaseTrouble
{
    /// <summary>
    /// What a server answers that is the fault of neither the statement nor its values: classes of SQLSTATE, and single codes of classes that
    /// are otherwise.
    /// </summary>
    private static readonly string[] Unavailable =
    [
        "08", // the connection, and whatever a pooler has to say
        "28", "42501", // who we are, what we may: a password is being changed, a right was taken
        "3D", "3F", "42P01", // the database, the schema, the table is not there: dropped, renamed, restored empty
        "25006", "25P03", "25P04", // a standby or a database set to read-only; a session's time limits
        "26", "42P05", // prepared statements are not where they were: a pooler lends the session to others
        "40", // serialization, deadlocks: not this time
        "53", "55", "57", "58", // no room, no memory, no connection left; in use; told to stop, still starting, timed out; the disk
        "72", "F0", "XX", // snapshots, configuration files, and what PostgreSQL itself calls internal errors
    ];

    /// <summary>
    /// Whether this, or an exception inside it, says that the database cannot be used: not the fault of what was asked, which succeeds when the
    /// database is well again. Object mappers and <see cref="AggregateException"/> wrap what says so.
    /// </summary>
    public static bool IsDatabaseUnavailable(this Exception e) => e switch
    {
        PostgresException answer => Unavailable.Any(code => answer.SqlState.StartsWith(code, StringComparison.Ordinal)),
        // Two commands at one time on one connection: the caller's defect.
        NpgsqlOperationInProgressException => false,
        // Not an answer: no host, no connection, no reply.
        NpgsqlException => true,
        // What a name server answers, or does not answer in time, may come out of Npgsql as it is.
        TimeoutException or SocketException when e.StackTrace?.Contains("at Npgsql.", StringComparison.Ordinal) is true => true,
        AggregateException several => several.InnerExceptions.Any(IsDatabaseUnavailable),
        _ => e.InnerException?.IsDatabaseUnavailable() ?? false,
    };
}
