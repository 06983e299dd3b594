using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;

namespace EventShop.Tests.Chaos;

/// <summary>A shop under load, of which every part can be broken: its processes, its broker, the network, the gateway.</summary>
internal sealed class ChaosShop : IAsyncDisposable
{
    /// <summary>Waits as short as the options allow, so that a crash is got over in seconds and not in half a minute.</summary>
    private static readonly Dictionary<string, string?> Impatient = new()
    {
        ["Messaging__Outbox__Claim"] = "00:00:02",
        ["Messaging__Outbox__MaxClaim"] = "00:00:04",
        ["Messaging__TopologyInterval"] = "00:00:02",
        ["Messaging__Consumers__payment-orders__AckWait"] = "00:00:03",
        ["Messaging__Consumers__order-payments__AckWait"] = "00:00:03",
        ["Reconciliation__PendingAfter"] = "00:00:05",
        ["Reconciliation__Interval"] = "00:00:01",
        ["Gateway__AttemptTimeout"] = "00:00:01",
        ["Gateway__TotalTimeout"] = "00:00:04",
        ["Gateway__SamplingInterval"] = "00:00:02",
        ["Gateway__OpenTimeout"] = "00:00:01",
        // These processes live for seconds: they need not be measured by the compiler that would make them faster later.
        ["DOTNET_TieredPGO"] = "0",
    };

    private readonly List<ServiceProcess> _ended = [];
    private readonly Func<Task> _disposeWithIt;
    private long _healedAt;

    private ChaosShop(RunningShop shop, GatewayFront gateway, TcpProxy network, string natsUrl, Func<Task> disposeWithIt)
    {
        (Shop, Gateway, Network, _disposeWithIt) = (shop, gateway, network, disposeWithIt);
        Broker = new Broker(natsUrl);
        Load = new Load(() => (OrderService ?? shop.OrderService).BaseAddress, ChaosRun.Seed);
    }

    public RunningShop Shop { get; }

    /// <summary>What the payment service takes for the gateway.</summary>
    public GatewayFront Gateway { get; }

    /// <summary>Between the services and the broker, unless it is a cluster.</summary>
    public TcpProxy Network { get; }

    public Broker Broker { get; }

    public Load Load { get; }

    public Random Random { get; } = new(ChaosRun.Seed);

    /// <summary>Where orders go instead of to the shop's order service; null: there.</summary>
    public ServiceProcess? OrderService { get; set; }

    /// <param name="postgres">Where its databases are.</param>
    /// <param name="settings">What its services are told besides.</param>
    /// <param name="nats">Its broker; by default one of its own.</param>
    /// <param name="cluster">Its brokers, instead.</param>
    public static async Task<ChaosShop> StartAsync(
        PostgresServer postgres, IReadOnlyDictionary<string, string?>? settings = null, NatsServer? nats = null,
        NatsCluster? cluster = null)
    {
        var broker = cluster?.Nodes[0] ?? nats ?? await NatsServer.StartAsync();
        var gateway = await GatewayFront.StartAsync();
        var network = new TcpProxy(() => broker.Port);
        var all = new Dictionary<string, string?>(Impatient)
        {
            ["ConnectionStrings__nats"] = cluster?.Url ?? $"nats://127.0.0.1:{network.Port}",
            ["services__payment-gateway__http__0"] = gateway.Url,
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string?>())
            all[name] = value;
        var shop = await RunningShop.StartAsync(postgres, broker, all);
        gateway.Gateway = () => shop.Gateway.BaseAddress;
        return new ChaosShop(shop, gateway, network, cluster?.Url ?? broker.Url, async () =>
        {
            if (cluster is not null)
                await cluster.DisposeAsync();
        });
    }

    /// <summary>Ends the order service as told and starts another in its place.</summary>
    public async Task ReplaceOrderServiceAsync(Func<ServiceProcess, Task> end, string? failPoint = null)
    {
        await end(Shop.OrderService);
        _ended.Add(Shop.OrderService);
        Shop.OrderService = await Shop.StartAsync("OrderService", failPoint);
    }

    /// <inheritdoc cref="ReplaceOrderServiceAsync"/>
    public async Task ReplacePaymentServiceAsync(Func<ServiceProcess, Task> end, string? failPoint = null)
    {
        await end(Shop.PaymentService);
        _ended.Add(Shop.PaymentService);
        Shop.PaymentService = await Shop.StartAsync("PaymentService", failPoint);
    }

    /// <inheritdoc cref="ReplaceOrderServiceAsync"/>
    public async Task ReplaceGatewayAsync(Func<ServiceProcess, Task> end, string? failPoint = null)
    {
        await end(Shop.Gateway);
        _ended.Add(Shop.Gateway);
        Shop.Gateway = await Shop.StartAsync("PaymentGateway", failPoint);
    }

    /// <summary>The fault is over: from here on the recovery is measured.</summary>
    public void Healed() => _healedAt = TimeProvider.System.GetTimestamp();

    /// <summary>
    /// Stops the load, waits until nothing is on its way, and balances all books. Notes the time it took since <see cref="Healed"/>.
    /// </summary>
    public async Task AssertNothingLostAndNothingTwiceAsync(Expected? expected = null)
    {
        await Load.StopAsync();
        var checker = new Checker(Shop, Broker, Load.Accepted, expected ?? Expected.Usual);
        try
        {
            await checker.DrainAsync();
            ChaosRun.Note("recovered after", TimeProvider.System.GetElapsedTime(_healedAt));
            var broken = await checker.BrokenAsync();
            Assert.True(broken.Count == 0, $"Broken invariants:\n{string.Join('\n', broken)}");
            Assert.NotEmpty(Load.Accepted);
        }
        catch (Exception e) when (e is TimeoutException or Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{e.Message}\n\nCHAOS_SEED={ChaosRun.Seed}; {Load.Accepted.Count} orders accepted; " +
                $"failed attempts: {string.Join(", ", Load.Failures.Select(f => $"{f.Value} × {f.Key}"))}\n{Logs()}");
        }

        var failures = string.Join(", ", Load.Failures.OrderBy(f => f.Key).Select(f => $"{f.Value} × {f.Key}"));
        ChaosRun.Note("orders", $"{Load.Accepted.Count} accepted, failed attempts: {(failures.Length > 0 ? failures : "none")}");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Load.DisposeAsync();
        await Broker.DisposeAsync();
        await Shop.DisposeAsync();
        foreach (var process in _ended)
            await process.DisposeAsync();
        await Network.DisposeAsync();
        await Gateway.DisposeAsync();
        await _disposeWithIt();
    }

    private string Logs() => string.Join("\n", new[]
    {
        (Name: "order service", Process: Shop.OrderService),
        (Name: "payment service", Process: Shop.PaymentService),
        (Name: "gateway", Process: Shop.Gateway),
    }.Select(s => $"--- {s.Name}\n{string.Join('\n', s.Process.Output.Split('\n').TakeLast(40))}"));
}
