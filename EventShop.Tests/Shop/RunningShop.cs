using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;
using Npgsql;

namespace EventShop.Tests.Shop;

/// <summary>The whole shop: a broker of its own, two databases of its own, and the three services as processes.</summary>
public sealed class RunningShop : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("shop-");
    private readonly Dictionary<string, string?> _environment = [];
    private readonly string _orders;
    private readonly string _payments;

    private RunningShop(NatsServer nats, string orders, string payments)
    {
        (Nats, _orders, _payments) = (nats, orders, payments);
        _environment["ConnectionStrings__nats"] = nats.Url;
        _environment["ConnectionStrings__orders"] = orders;
        _environment["ConnectionStrings__payments"] = payments;
        _environment["Gateway__LedgerPath"] = Path.Combine(_folder.FullName, "ledger.jsonl");
    }

    /// <summary>What services started from now on are told.</summary>
    public IDictionary<string, string?> Settings => _environment;

    public NatsServer Nats { get; }

    public ServiceProcess OrderService { get; set; } = null!;

    public ServiceProcess PaymentService { get; set; } = null!;

    public ServiceProcess Gateway { get; set; } = null!;

    /// <param name="postgres">Where its databases are made.</param>
    /// <param name="settings">Environment variables of all services.</param>
    public static async Task<RunningShop> StartAsync(PostgresServer postgres, params (string Key, string Value)[] settings) =>
        await StartAsync(postgres, await NatsServer.StartAsync(), settings.ToDictionary(s => s.Key, s => (string?)s.Value));

    /// <param name="postgres">Where its databases are made.</param>
    /// <param name="nats">Its broker, which is disposed with it.</param>
    /// <param name="settings">Environment variables of all services, besides their usual ones or instead.</param>
    public static async Task<RunningShop> StartAsync(
        PostgresServer postgres, NatsServer nats, IReadOnlyDictionary<string, string?> settings)
    {
        var shop = new RunningShop(nats, postgres.NewDatabase("orders"), postgres.NewDatabase("payments"));
        foreach (var (name, value) in settings)
            shop._environment[name] = value;
        await shop.StartGatewayAsync();
        shop._environment.TryAdd("services__payment-gateway__http__0", shop.Gateway.BaseAddress.ToString());
        await Task.WhenAll(shop.StartPaymentServiceAsync(), shop.StartOrderServiceAsync());
        await Task.WhenAll(shop.OrderService.WaitHealthy(), shop.PaymentService.WaitHealthy());
        return shop;
    }

    public async Task StartPaymentServiceAsync() => PaymentService = await StartAsync("PaymentService");

    public async Task StartOrderServiceAsync() => OrderService = await StartAsync("OrderService");

    public async Task StartGatewayAsync() => Gateway = await StartAsync("PaymentGateway");

    /// <summary>Starts a process of a service, besides those there are.</summary>
    /// <param name="failPoint">The step at which it dies, <c>name</c> or <c>name:n</c>; null: it never does.</param>
    public Task<ServiceProcess> StartAsync(string service, string? failPoint = null) => ServiceProcess.Start($"services/{service}", _environment, killAt: failPoint);

    /// <summary>One more order service, which the caller disposes of.</summary>
    public Task<ServiceProcess> StartOrderReplicaAsync() => ServiceProcess.Start("services/OrderService", _environment);

    /// <summary>Runs a statement on the order service's database.</summary>
    public Task ExecuteOrdersAsync(string sql) => ExecuteAsync(_orders, sql);

    /// <summary>Runs a statement on the payment service's database.</summary>
    public Task ExecutePaymentsAsync(string sql) => ExecuteAsync(_payments, sql);

    /// <summary>Posts an order as it stands, for better or worse.</summary>
    public Task<HttpResponseMessage> PostAsync(HttpContent body) => OrderService.Client.PostAsync("/orders", body);

    /// <summary>Places a good order.</summary>
    /// <returns>Its id.</returns>
    public async Task<Guid> PlaceAsync(string paymentToken = "tok_ok", int quantity = 2)
    {
        using var response = await PostAsync(JsonContent.Create(new
        {
            customerId = "c-42",
            items = new[] { new { sku = "SKU-1", quantity }, new { sku = "SKU-2", quantity = 1 } },
            paymentToken,
        }));
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetGuid();
    }

    public Task<JsonElement> OrderAsync(Guid id) => OrderService.Client.GetFromJsonAsync<JsonElement>($"/orders/{id}");

    public async Task<string> StatusAsync(Guid id) => (await OrderAsync(id)).GetProperty("status").GetString()!;

    /// <summary>Waits until no order is pending any more.</summary>
    public Task AllSettledAsync(TimeSpan? timeout = null) =>
        Eventually.True("no order is pending", async () => await OrdersAsync("select count(*) from orders where status = 'Pending'") == 0, timeout);

    /// <summary>Waits until every cancellation has been answered by the payment service.</summary>
    public Task CancellationsAnsweredAsync(TimeSpan? timeout = null) => Eventually.True("every cancellation is answered", async () =>
        await OrdersAsync("select count(*) from orders where cancellation_id is not null or status = 'Cancelling'") == 0, timeout);

    /// <summary>Makes the gateway misbehave.</summary>
    public async Task ChaosAsync(object settings)
    {
        using var answer = await Gateway.Client.PutAsJsonAsync("/chaos", settings);
        Assert.True(answer.IsSuccessStatusCode, $"PUT /chaos: {(int)answer.StatusCode}");
    }

    /// <summary>The connection string of the order service's database.</summary>
    public string OrdersDatabase => _orders;

    /// <summary>The connection string of the payment service's database.</summary>
    public string PaymentsDatabase => _payments;

    public Task<long> OrdersAsync(string sql) => ScalarAsync(_orders, sql);

    /// <returns>The lines of a query plan, as JSON.</returns>
    public async Task<JsonElement> ExplainOrdersAsync(string sql, params NpgsqlParameter[] parameters)
    {
        await using var connection = new NpgsqlConnection(_orders);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"explain (analyze, format json) {sql}", connection);
        command.Parameters.AddRange(parameters);
        return JsonDocument.Parse((string)(await command.ExecuteScalarAsync())!).RootElement[0].GetProperty("Plan");
    }

    public Task<long> PaymentsAsync(string sql) => ScalarAsync(_payments, sql);

    /// <returns>How often each order was captured, by the gateway's ledger.</returns>
    public async Task<Dictionary<Guid, int>> CapturesAsync()
    {
        var ledger = await Gateway.Client.GetFromJsonAsync<JsonElement>("/charges");
        return ledger.EnumerateArray()
            .Where(charge => charge.GetProperty("status").GetString() == "captured")
            .GroupBy(charge => charge.GetProperty("orderId").GetGuid())
            .ToDictionary(charges => charges.Key, charges => charges.Count());
    }

    /// <summary>Nothing is on its way any more: outboxes, consumers and dead letters are empty.</summary>
    public async Task AssertIdleAsync()
    {
        const string owed = "select count(*) from outbox_unsent";
        await Eventually.True("both outboxes are empty", async () => await OrdersAsync(owed) + await PaymentsAsync(owed) == 0);
        await using var connection = new NATS.Client.Core.NatsConnection(new NATS.Client.Core.NatsOpts { Url = Nats.Url });
        var jetStream = new NATS.Client.JetStream.NatsJSContext(connection);
        foreach (var (stream, consumer) in new[]
        {
            ("ORDERS", "payment-orders"), ("ORDERS", "payment-cancellations"), ("ORDERS", "payment-refunds"), ("PAYMENTS", "order-payments"),
        })
            await Eventually.True($"{consumer} has nothing left", async () =>
                (await jetStream.GetConsumerAsync(stream, consumer)).Info is { NumPending: 0, NumAckPending: 0 });
        foreach (var stream in Chaos.Broker.DeadLetters)
            Assert.Equal(0, (await jetStream.GetStreamAsync(stream)).Info.State.Messages);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in new[] { OrderService, PaymentService, Gateway })
            if (process is not null)
            {
                // Shown when the test fails.
                TestContext.Current.TestOutputHelper?.WriteLine(process.LastLines(40));
                await process.DisposeAsync();
            }
        await Nats.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<long> ScalarAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}

/// <summary>One shop for all tests of a class that leave it as they found it.</summary>
public sealed class SharedShop(SharedPostgres postgres) : IAsyncLifetime
{
    public RunningShop Shop { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Shop = await RunningShop.StartAsync(postgres);

    public ValueTask DisposeAsync() => Shop.DisposeAsync();
}
