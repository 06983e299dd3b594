using EventShop.Messaging.Testing;

namespace ShopBench;

/// <summary>How many of what a shop is made of.</summary>
/// <param name="Replicas">Of the order service and of the payment service, each.</param>
/// <param name="Brokers">nats-servers, 1 or 3, and copies of each stream.</param>
/// <param name="JetStream">Further configuration of JetStream.</param>
internal sealed record Layout(int Replicas = 1, int Brokers = 1, string JetStream = "");

/// <summary>The whole shop as processes of their own: brokers, database, gateway and services.</summary>
internal sealed class BenchShop : IAsyncDisposable
{
    public const string Body =
        """{"customerId":"c-42","items":[{"sku":"SKU-1","quantity":2},{"sku":"SKU-2","quantity":1}],"paymentToken":"tok_ok"}""";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("shopbench-");
    private readonly Dictionary<string, string?> _environment = [];
    private readonly Layout _layout;
    private readonly List<NatsServer> _brokers;
    private readonly List<ServiceProcess> _orders = [];
    private readonly List<ServiceProcess> _payments = [];
    private ServiceProcess? _gateway;

    private BenchShop(Layout layout, BenchDatabase database, IReadOnlyList<NatsServer> brokers) =>
        (_layout, Database, _brokers) = (layout, database, [.. brokers]);

    public BenchDatabase Database { get; }

    /// <summary>The broker, or the first of them.</summary>
    public NatsServer Nats => _brokers[0];

    public Target Target => Targets[0];

    /// <summary>One for each replica of the order service.</summary>
    public IReadOnlyList<Target> Targets => _orders.ConvertAll(order =>
        new Target(new(order.BaseAddress, "/orders"), Body, _environment["ConnectionStrings__nats"]!, "ORDERS", "orders.paid"));

    /// <summary>The ids of the processes that run, by name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<int>> Processes => new (string Name, IReadOnlyList<int> Ids)[]
    {
        ("order", _orders.ConvertAll(process => process.Id)), ("payment", _payments.ConvertAll(process => process.Id)),
        ("gateway", _gateway is null ? [] : [_gateway.Id]), ("nats", _brokers.ConvertAll(broker => broker.Id)), ("postgres", [Database.ProcessId]),
    }.Where(process => process.Ids.Count > 0).ToDictionary(process => process.Name, process => process.Ids);

    /// <summary>What each has used so far, all of its processes together.</summary>
    public Dictionary<string, Usage> UsageByProcess() => Processes.ToDictionary(process => process.Key, process => Usage.Of(process.Value));

    /// <summary>What the brokers keep on disk.</summary>
    public long StoredBytes() => _brokers.Sum(broker => new DirectoryInfo(broker.DataFolder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length));

    /// <summary>Starts it. (Each service consumes a stream of the other's: neither is ready alone, the first time.)</summary>
    /// <param name="telemetry">Where telemetry goes.</param>
    /// <param name="layout">What it is made of; null: one of everything.</param>
    public static async Task<BenchShop> StartAsync(OtlpSink telemetry, Layout? layout = null)
    {
        layout ??= new();
        var brokers = layout.Brokers == 1
            ? [await NatsServer.StartAsync(jetStreamConfig: layout.JetStream)]
            : (await NatsCluster.StartAsync(layout.JetStream)).Nodes;
        var shop = new BenchShop(layout, await BenchDatabase.StartAsync(), brokers);
        shop._environment["ConnectionStrings__nats"] = string.Join(',', brokers.Select(broker => broker.Url));
        shop._environment["ConnectionStrings__orders"] = shop.Database.ConnectionString("orders");
        shop._environment["ConnectionStrings__payments"] = shop.Database.ConnectionString("payments");
        shop._environment["Messaging__Replicas"] = $"{layout.Brokers}";
        shop._environment["Gateway__LedgerPath"] = Path.Combine(shop._folder.FullName, "ledger.jsonl");
        shop._environment["Telemetry__SamplingRatio"] = "0.1";
        shop._environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        shop._environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = telemetry.Url;
        shop._gateway = await ServiceProcess.Start("services/PaymentGateway", shop._environment);
        shop._environment["services__payment-gateway__http__0"] = shop._gateway.BaseAddress.ToString();
        shop._orders.Add(await ServiceProcess.Start("services/OrderService", shop._environment));
        await shop.StartPaymentServiceAsync();
        for (var replica = 2; replica <= layout.Replicas; replica++)
            shop._orders.Add(await ServiceProcess.Start("services/OrderService", shop._environment));
        foreach (var order in shop._orders)
            await order.WaitHealthy(Patience);
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
        return ServiceProcess.Start("services/OrderService", environment);
    }

    /// <summary>Starts the payment service, all of its replicas.</summary>
    public async Task StartPaymentServiceAsync()
    {
        while (_payments.Count < _layout.Replicas)
            _payments.Add(await ServiceProcess.Start("services/PaymentService", _environment));
        foreach (var payment in _payments)
            await payment.WaitHealthy(Patience);
    }

    public async Task StopPaymentServiceAsync()
    {
        foreach (var payment in _payments)
        {
            await payment.Terminate();
            await payment.DisposeAsync();
        }
        _payments.Clear();
    }

    /// <summary>Freezes the payment service: it goes on as warm as it was.</summary>
    public void PausePaymentService() => _payments.ForEach(payment => payment.Pause());

    public void ContinuePaymentService() => _payments.ForEach(payment => payment.Continue());

    /// <summary>Waits until every order is paid and its events are sent.</summary>
    public Task DrainedAsync(TimeSpan patience) => Eventually.True("all are paid", async () =>
        await Database.PendingAsync() == 0 && await Database.UnsentAsync() == 0, patience);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in (ServiceProcess?[])[.. _orders, .. _payments, _gateway])
            if (process is not null)
                await process.DisposeAsync();
        foreach (var broker in _brokers)
            await broker.DisposeAsync();
        await Database.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
