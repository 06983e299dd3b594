using System.ComponentModel.DataAnnotations;

namespace EventShop.Postgres;

/// <summary>Configuration section <c>Database</c>.</summary>
public sealed class DatabaseOptions
{
    /// <summary>How long a starting service waits for PostgreSQL, and for a schema that it may not apply itself, before it gives up.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan StartupTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Whether a starting service creates its database when it is missing, and applies its schema. Where it may not, the service's
    /// <c>setup</c> does; a service that finds an older schema does not start.
    /// </summary>
    public bool ApplySchema { get; set; } = true;

    /// <summary>
    /// Whether the service reaches PostgreSQL through a pooler in transaction mode (PgBouncer), where a session belongs to it for one transaction
    /// only. Then nothing is prepared, set with the connection or listened for: statements are planned each time, and events appended by a
    /// transaction of the application's own wait for the outbox's next sweep.
    /// </summary>
    public bool BehindPooler { get; set; }
}
