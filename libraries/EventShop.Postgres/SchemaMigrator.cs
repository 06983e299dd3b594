using EventShop.Hosting;
using Npgsql;

namespace EventShop.Postgres;

/// <summary>Applies schema scripts: in order, each once, by one process at a time.</summary>
internal static class SchemaMigrator
{
    /// <summary>Any number that all processes agree on.</summary>
    public const long SchemaLock = 0x4576656E7453686F;

    /// <param name="db">The database.</param>
    /// <param name="scripts">All scripts, applied or not.</param>
    /// <param name="applied">Is told the name of each script that was applied.</param>
    /// <param name="cancellationToken">Ends it; nothing is applied then.</param>
    /// <exception cref="StartupException">A script that was applied has changed since.</exception>
    public static async Task ApplyAsync(
        NpgsqlDataSource db, IEnumerable<SchemaScript> scripts, Action<string> applied, CancellationToken cancellationToken)
    {
        await using var connection = await db.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync($"select pg_advisory_xact_lock({SchemaLock})");
        await ExecuteAsync("""
            create table if not exists schema_versions (name text primary key, applied_at timestamptz not null default now());
            do $$
            begin
              -- Only where it is missing: a role that does not own the table may not even try.
              if not exists (select from pg_attribute where attrelid = 'schema_versions'::regclass and attname = 'checksum') then
                alter table schema_versions add column checksum text;
              end if;
            end
            $$
            """);
        foreach (var script in scripts)
        {
            if (await FindAsync(script) is not { } checksum)
            {
                try
                {
                    await ExecuteAsync(script.Sql);
                }
                catch (PostgresException e) when (!e.IsDatabaseUnavailable())
                {
                    throw new StartupException($"schema script {script.Name} fails: {e.MessageText}", e);
                }
                applied(script.Name);
            }
            else if (checksum != script.Checksum)
            {
                throw new StartupException(
                    $"schema script {script.Name} is not the one that was applied to this database (its checksum was {checksum} and is {script.Checksum}): "
                    + "restore it, and put what has changed into a script of its own");
            }
        }
        await transaction.CommitAsync(cancellationToken);

        async Task ExecuteAsync(string sql)
        {
            // A large table takes its time, and so does another process that is at it.
            await using var command = new NpgsqlCommand(sql, connection, transaction) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        // The checksum of the script as it was applied; null when it was not, and from now on it is. Before there were checksums, it is this one.
        async Task<string?> FindAsync(SchemaScript script)
        {
            await using var command = new NpgsqlCommand("""
                insert into schema_versions (name, checksum) values (@name, @checksum)
                on conflict (name) do update set checksum = coalesce(schema_versions.checksum, excluded.checksum)
                returning case when xmax = 0 then null else checksum end
                """, connection, transaction) { CommandTimeout = 0 };
            command.AddValue("name", script.Name).AddValue("checksum", script.Checksum);
            return await command.ExecuteScalarAsync(cancellationToken) as string;
        }
    }
}
