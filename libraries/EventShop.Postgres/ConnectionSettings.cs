using Npgsql;

namespace EventShop.Postgres;

/// <summary>
/// What a connection string leaves open, filled in for statements that are few and hot. What it says itself goes first, and so does what the
/// environment variables of PostgreSQL's clients say.
/// </summary>
internal static class ConnectionSettings
{
    /// <summary>Fills in what the connection string leaves open.</summary>
    /// <param name="given">The connection string.</param>
    /// <param name="application">The service's name, as PostgreSQL shows it.</param>
    /// <param name="behindPooler">Whether a session may belong to one transaction only: then nothing is left behind in it.</param>
    /// <exception cref="ArgumentException">A keyword or a value is unknown.</exception>
    public static NpgsqlConnectionStringBuilder Complete(string given, string application, bool behindPooler)
    {
        var settings = new NpgsqlConnectionStringBuilder(given);
        Default("Application Name", application, "PGAPPNAME");
        if (!behindPooler)
        {
            Default("Max Auto Prepare", 32);
            Default("Auto Prepare Min Usages", 2);
            // Planning anew for the arrays of each group takes longer than storing it, and compiling takes longer than anything here.
            PutFirst(settings, "-c plan_cache_mode=force_generic_plan -c jit=off");
        }
        // Nothing here changes a session's settings. Undoing them would cost each statement as much as it costs itself.
        Default("No Reset On Close", true);
        // A server that is frozen still accepts connections and says nothing. Npgsql waits for the statement, then as long as for a connection
        // while it tries to cancel the statement: nine seconds, of the ten that a caller is promised.
        Default("Command Timeout", 6);
        Default("Timeout", 3);
        // Otherwise it tries to cancel twice: as if Kerberos were there, and as if not.
        Default("GSS Encryption Mode", "Disable", "PGGSSENCMODE");
        // While it tries to cancel it holds a thread for each session: with a hundred the process stands still.
        Default("Maximum Pool Size", Math.Max(32, settings.MinPoolSize));
        if (settings.Host?.Contains(',') is true)
        {
            // After a failover the first host may be a standby, which takes no writes; and who is which is asked again often.
            Default("Target Session Attributes", "primary", "PGTARGETSESSIONATTRS");
            Default("Host Recheck Seconds", 2);
        }
        return settings;

        void Default(string keyword, object value, string? variable = null)
        {
            if (!settings.ShouldSerialize(keyword) && (variable is null || Environment.GetEnvironmentVariable(variable) is null))
                settings[keyword] = value;
        }
    }

    /// <summary>A few sessions for what runs in the background.</summary>
    public static string ForBackground(string completed)
    {
        var settings = new NpgsqlConnectionStringBuilder(completed) { Multiplexing = false, MinPoolSize = 0 };
        // One listens, and the others must not wait for it.
        settings.MaxPoolSize = Math.Clamp(settings.MaxPoolSize, 2, 4);
        return settings.ConnectionString;
    }

    /// <summary>Of two values the server takes the last, so ours come before those of the connection string.</summary>
    private static void PutFirst(NpgsqlConnectionStringBuilder settings, string options) =>
        settings.Options = $"{options} {settings.Options ?? Environment.GetEnvironmentVariable("PGOPTIONS")}".TrimEnd();
}
