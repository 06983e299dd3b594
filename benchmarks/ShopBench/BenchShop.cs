using EventShop.Tests;
using EventShop.Tests.Servers;
using Npgsql;

namespace ShopBench;

/// <summary>The whole shop as processes of their own: broker, PostgreSQL with its disk guarantees on, gateway and services.</summary>
internal sealed class BenchShop : IAsyncDisposable
{
    public const string Body =
        """{"customerId":"c-42","items":[{"sku":"SKU-1","quantity":2},{"sku":"SKU-2","quantity":1}],"paymentToken":"tok_ok"}""";

    /// <summary>Room in memory and between checkpoints, as any server that takes orders has. Nothing that gives up a commit.</summary>
    public static readonly string[] PostgresSettings =
        ["fsync=on", "synchronous_commit=on", "shared_buffers=512MB", "max_wal_size=8GB", "min_wal_size=2GB", "checkpoint_timeout=15min"];

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly PostgresServer _postgres = new() { Settings = PostgresSettings };
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("shopbench-");
    private readonly Dictionary<string, string?> _environment = [];
    private ServiceProcess? _order;
    private ServiceProcess? _payment;
    private ServiceProcess? _gateway;

    private BenchShop(NatsServer nats) => Nats = nats;

    public NatsServer Nats { get; }

    public Target Target => new(new(_order!.BaseAddress, "/orders"), Body, Nats.Url, "ORDERS", "orders.paid");

    /// <summary>The processes that run, by name.</summary>
    public IReadOnlyDictionary<string, int> Processes => new[]
    {
        ("order", _order?.Id), ("payment", _payment?.Id), ("gateway", _gateway?.Id), ("nats", (int?)Nats.Id), ("postgres", (int?)_postgres.Id),
    }.Where(process => process.Item2 is not null).ToDictionary(process => process.Item1, process => process.Item2!.Value);

    /// <summary>Starts it. (Each service consumes a stream of the other's: neither is ready alone, the first time.)</summary>
    /// <param name="telemetry">Where telemetry goes.</param>
    public static async Task<BenchShop> StartAsync(OtlpSink telemetry)
    {
        var shop = new BenchShop(await NatsServer.StartAsync());
        await shop._postgres.InitializeAsync();
        shop._environment["ConnectionStrings__nats"] = shop.Nats.Url;
        shop._environment["ConnectionStrings__orders"] = shop._postgres.ConnectionString("orders");
        shop._environment["ConnectionStrings__payments"] = shop._postgres.ConnectionString("payments");
        shop._environment["Gateway__LedgerPath"] = Path.Combine(shop._folder.FullName, "ledger.jsonl");
        shop._environment["Telemetry__SamplingRatio"] = "0.1";
        shop._environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        shop._environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = telemetry.Url;
        shop._gateway = await ServiceProcess.Start("PaymentGateway", shop._environment);
        shop._environment["services__payment-gateway__http__0"] = shop._gateway.BaseAddress.ToString();
        shop._order = await ServiceProcess.Start("OrderService", shop._environment);
        await shop.StartPaymentServiceAsync();
        await shop._order.WaitHealthy(Patience);
        return shop;
    }

    /// <summary>One more order service, which the caller disposes of.</summary>
    /// <param name="telemetry">Where its telemetry goes.</param>
    /// <param name="settings">Environment variables besides the usual ones, or instead.</param>
    public Task<ServiceProcess> StartOrderReplicaAsync(OtlpSink telemetry, params (string Name, string Value)[] settings)
    {
        var environment = new Dictionary<string, string?>(_environment) { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = telemetry.Url };
        foreach (var (name, value) in settings)
            environment[name] = value;
        return ServiceProcess.Start("OrderService", environment);
    }

    public async Task StartPaymentServiceAsync()
    {
        _payment = await ServiceProcess.Start("PaymentService", _environment);
        await _payment.WaitHealthy(Patience);
    }

    public async Task StopPaymentServiceAsync()
    {
        await _payment!.Terminate();
        await _payment.DisposeAsync();
        _payment = null;
    }

    public Task<long> PendingAsync() => ScalarAsync("orders", "select count(*) from orders where status = 'Pending'");

    /// <summary>Waits until every order is paid and its events are sent.</summary>
    public Task DrainedAsync(TimeSpan patience) => Eventually.True("all are paid", async () =>
        await PendingAsync() == 0 && await ScalarAsync("orders", "select count(*) from outbox_unsent") == 0, patience);

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
    /// Leaves the write-ahead log as days of work leave it: its 16 MB segments are there to be written again. A new cluster makes each
    /// when it is needed, and every commit waits meanwhile, 75 ms on the disk that this was found on.
    /// </summary>
    public async Task RecycleLogAsync()
    {
        const int segments = 100;
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

    public async ValueTask DisposeAsync()
    {
        foreach (var process in new[] { _order, _payment, _gateway })
            if (process is not null)
                await process.DisposeAsync();
        await Nats.DisposeAsync();
        await _postgres.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    public async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(_postgres.ConnectionString(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        await command.ExecuteNonQueryAsync();
    }

    public async Task<long> ScalarAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(_postgres.ConnectionString(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
