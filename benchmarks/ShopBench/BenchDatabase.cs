using EventShop.Messaging.Testing;
using Npgsql;

namespace ShopBench;

/// <summary>PostgreSQL with its disk guarantees on, and what a shop of some age has in it.</summary>
internal sealed class BenchDatabase : IAsyncDisposable
{
    /// <summary>Room in memory and between checkpoints, as any server that takes orders has. Nothing that gives up a commit.</summary>
    public static readonly string[] Settings =
        ["fsync=on", "synchronous_commit=on", "shared_buffers=512MB", "max_wal_size=8GB", "min_wal_size=2GB", "checkpoint_timeout=15min"];

    private readonly PostgresServer _server = new() { Settings = Settings };
    private bool _hasBuffers;

    public int ProcessId => _server.Id;

    public static async Task<BenchDatabase> StartAsync()
    {
        var database = new BenchDatabase();
        await database._server.InitializeAsync();
        return database;
    }

    public string ConnectionString(string database) => _server.ConnectionString(database);

    public Task<long> PendingAsync() => ScalarAsync("orders", "select count(*) from orders where status = 'Pending'");

    /// <summary>Events that the order service has still to send, or to note as sent.</summary>
    public Task<long> UnsentAsync() => ScalarAsync("orders", "select count(*) from outbox_unsent");

    /// <summary>Stores this many paid orders with all that belongs to them, as if they had been placed in the hours before.</summary>
    public async Task SeedAsync(int count)
    {
        await ExecuteAsync("orders", $"""
            create temporary table seed as
            select ('0190' || lpad(to_hex(n / 65536), 8, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid as id,
                   'c-' || n % 10000 as customer, now() - interval '2 days' + n * interval '100 milliseconds' as at
            from generate_series(1, {count}) n;
            insert into orders (id, customer_id, status, currency, total, items, history, created_at)
            select id, customer, 'Paid', 'EUR', 44.80,
                   '[{"{"}"sku":"SKU-1","quantity":2,"unitPrice":19.90{"}"},{"{"}"sku":"SKU-2","quantity":1,"unitPrice":5.00{"}"}]',
                   jsonb_build_array(jsonb_build_object('event', 'created', 'at', at, 'traceId', md5(id::text)),
                                     jsonb_build_object('event', 'paid', 'at', at, 'traceId', md5(id::text))), at
            from seed on conflict do nothing;
            insert into outbox (id, key, type, subject, time, payload, trace_parent)
            select case e.n when 1 then id else overlay(id::text placing 'f' from 20 for 1)::uuid end, id, 'eventshop.orders.created.v1',
                   'orders.created', at, convert_to(repeat('x', case e.n when 1 then 300 else 90 end), 'UTF8'), '00-' || md5(id::text) || '-0123456789abcdef-00'
            from seed, generate_series(1, 2) e (n) on conflict do nothing
            """);
        await ExecuteAsync("orders", "vacuum (analyze) orders, outbox");
        await ExecuteAsync("payments", $"""
            create temporary table seed as
            select ('0190' || lpad(to_hex(n / 65536), 8, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid as id,
                   now() - interval '2 days' + n * interval '100 milliseconds' as at
            from generate_series(1, {count}) n;
            insert into payments (order_id, state, amount, currency, idempotency_key, charge_id, outcome_id, requested_at, settled_at, attempts)
            select id, 'Captured', 44.80, 'EUR', 'pay:' || id || ':1', 'ch_' || md5(id::text), id, at, at,
                   jsonb_build_array(jsonb_build_object('kind', 'charge', 'at', at, 'result', 'captured')) from seed on conflict do nothing;
            insert into outbox (id, key, type, subject, time, payload, trace_parent)
            select id, id, 'eventshop.payments.succeeded.v1', 'payments.succeeded', at, convert_to(repeat('x', 180), 'UTF8'),
                   '00-' || md5(id::text) || '-0123456789abcdef-00' from seed on conflict do nothing
            """);
        await ExecuteAsync("payments", "vacuum (analyze) payments, outbox");
        await ExecuteAsync("orders", "checkpoint");
    }

    /// <summary>
    /// Leaves the server as days of work leave it. The 16 MB segments of its write-ahead log are there to be written again: a new cluster makes
    /// each when it is needed, and every commit waits meanwhile, 75 ms on the disk that this was found on. And the system has given it all of
    /// its shared buffers: a page that is used for the first time costs a fault, and its zeroing.
    /// </summary>
    public async Task AgeAsync(int segments)
    {
        if (!_hasBuffers)
            await ExecuteAsync("postgres", """
                create unlogged table filler (page text);
                alter table filler alter column page set storage plain;
                insert into filler select repeat('x', 8000) from generate_series(1, 65536);
                drop table filler
                """);
        _hasBuffers = true;
        var missing = segments - await ScalarAsync("postgres", "select count(*) from pg_ls_waldir() where name > pg_walfile_name(pg_current_wal_lsn())");
        if (missing > segments / 4)
            for (var made = 0; made < missing; made++)
                await ExecuteAsync("postgres", "select pg_logical_emit_message(false, 'bench', 'a segment with nothing in it is not left'); select pg_switch_wal()");
        await ExecuteAsync("postgres", "checkpoint");
    }

    /// <summary>Owes the broker this many events, on a subject that nobody consumes.</summary>
    public Task OweAsync(int count, string subject) => ExecuteAsync("orders", $"""
        with owed as (
          insert into outbox (id, key, type, subject, time, payload)
          select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint + n / 8), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
                  || '8' || substr(md5(n::text), 1, 15))::uuid, gen_random_uuid(), 'eventshop.orders.bench.v1', '{subject}', now(), convert_to(repeat('x', 300), 'UTF8')
          from generate_series(1, {count}) n returning id
        )
        insert into outbox_unsent (id, due_at) select id, now() from owed;
        """);

    /// <summary>Bytes of write-ahead log so far.</summary>
    public Task<long> WalAsync() => ScalarAsync("postgres", "select (pg_current_wal_insert_lsn() - '0/0')::bigint");

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(_server.ConnectionString(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        await command.ExecuteNonQueryAsync();
    }

    private async Task<long> ScalarAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(_server.ConnectionString(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
