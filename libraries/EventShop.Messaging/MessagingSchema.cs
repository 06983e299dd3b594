using System.Text;
using System.Text.RegularExpressions;
using EventShop.Postgres;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// The tables of messaging, as scripts. A service applies them when it starts, unless <c>Database:ApplySchema</c> is false; here they are for those
/// who apply them their own way.
/// </summary>
public static partial class MessagingSchema
{
    /// <summary>All scripts, in their order. Each is applied once; which have been is kept in the table <c>schema_versions</c>.</summary>
    /// <param name="schema">See <see cref="MessagingOptions.Schema"/>.</param>
    public static IReadOnlyList<SchemaScript> Scripts(string? schema = null)
    {
        if (schema is not null && !SchemaName().IsMatch(schema))
            throw new ArgumentException("The name of a schema has lower-case letters, digits and _.", nameof(schema));
        var scripts = SchemaScripts.EmbeddedIn(typeof(MessagingSchema).Assembly).All;
        return schema is null ? scripts : [.. scripts.Select(script => new SchemaScript(script.Name.Replace("/", $"/{schema}/", StringComparison.Ordinal), $"""
            create schema if not exists "{schema}";
            set local search_path to "{schema}";
            {script.Sql}
            set local search_path to default;
            """))];
    }

    /// <summary>One script of all, for <c>psql</c> or a tool for migrations. Run again, it applies only what is new.</summary>
    /// <param name="schema">See <see cref="MessagingOptions.Schema"/>.</param>
    /// <param name="inTransaction">Whether the script begins a transaction and commits it. False: the tool runs it in a transaction of its own.</param>
    public static string Script(string? schema = null, bool inTransaction = true)
    {
        // In a block, because a select would print its row, and is no statement of PL/pgSQL, into which migrations may be wrapped.
        var text = new StringBuilder($"""
            do $lock$ begin perform pg_advisory_xact_lock({SchemaMigrator.SchemaLock}); end $lock$;
            create table if not exists schema_versions (name text primary key, applied_at timestamptz not null default now());
            alter table schema_versions add column if not exists checksum text;

            """);
        foreach (var script in Scripts(schema))
            text.Append($"""

                do $script$
                begin
                  if exists (select from schema_versions where name = '{script.Name}') then
                    return;
                  end if;
                {script.Sql}
                  insert into schema_versions (name, checksum) values ('{script.Name}', '{script.Checksum}');
                end
                $script$;

                """);
        return inTransaction ? $"begin;\n{text}commit;\n" : text.ToString();
    }

    /// <summary>Applies what has not been applied.</summary>
    /// <param name="db">The service's database.</param>
    /// <param name="schema">See <see cref="MessagingOptions.Schema"/>.</param>
    /// <param name="cancellationToken">Ends it; nothing is applied then.</param>
    public static Task ApplyAsync(NpgsqlDataSource db, string? schema = null, CancellationToken cancellationToken = default) =>
        SchemaMigrator.ApplyAsync(db, Scripts(schema), _ => { }, cancellationToken);

    [GeneratedRegex(@"^[a-z_][a-z0-9_]{0,62}\z")]
    private static partial Regex SchemaName();
}
