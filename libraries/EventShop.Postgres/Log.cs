using Microsoft.Extensions.Logging;

namespace EventShop.Postgres;

internal static partial class Log
{
    [LoggerMessage(40, LogLevel.Information, "Schema {Script} applied")]
    public static partial void SchemaApplied(this ILogger log, string script);

    [LoggerMessage(41, LogLevel.Information, "Database {Database} created")]
    public static partial void DatabaseCreated(this ILogger log, string database);

    [LoggerMessage(42, LogLevel.Warning, "The database is read-only: its sessions are made new until it takes writes")]
    public static partial void DatabaseReadOnly(this ILogger log);

    [LoggerMessage(43, LogLevel.Information, "The database takes writes again")]
    public static partial void DatabaseTakesWrites(this ILogger log);
}
