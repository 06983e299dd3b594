using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;
using Npgsql;

namespace EventShop.Tests.Shop;

/// <summary>A deployment makes what services need to find; the services themselves need no right to make it.</summary>
public sealed class SetupTests(SharedPostgres postgres) : IAsyncLifetime
{
    private const string Users = """
        authorization {
          users: [
            { user: setup, password: setup, permissions: {
                publish: { allow: ["$JS.API.>"] }, subscribe: { allow: ["_INBOX_order-service.>", "_INBOX_payment-service.>"] } } }
            { user: orders, password: orders, permissions: {
                publish: { allow: ["orders.>", "dlq.order-service.>", "$JS.API.INFO", "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.*.*",
                  "$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.order-payments", "$JS.ACK.PAYMENTS.order-payments.>"] },
                subscribe: { allow: ["_INBOX_order-service.>", "orders.>"] } } }
            { user: payments, password: payments, permissions: {
                publish: { allow: ["payments.>", "dlq.payment-service.>", "$JS.API.INFO", "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.*.*",
                  "$JS.API.CONSUMER.MSG.NEXT.ORDERS.*", "$JS.ACK.ORDERS.>"] },
                subscribe: { allow: ["_INBOX_payment-service.>"] } } }
          ]
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("setup-");
    private readonly string _role = $"runtime_{Guid.NewGuid():N}";
    private readonly string _orders = postgres.NewDatabase("orders");
    private readonly string _payments = postgres.NewDatabase("payments");
    private NatsServer _nats = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    /// <summary>Two databases in which a role may use the tables that are made, and no more.</summary>
    public async ValueTask InitializeAsync()
    {
        _nats = await NatsServer.StartAsync(Users);
        await ExecuteAsync(postgres.ConnectionString("postgres"), $"create role {_role} login");
        foreach (var database in new[] { _orders, _payments })
        {
            await ExecuteAsync(postgres.ConnectionString("postgres"), $"create database {new NpgsqlConnectionStringBuilder(database).Database}");
            await ExecuteAsync(database, $"alter default privileges grant select, insert, update, delete on tables to {_role}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _nats.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Rights_to_make_tables_streams_and_consumers_are_needed_by_setup_only()
    {
        // Each consumes a stream that the other's setup makes: they wait for each other.
        var setups = await Task.WhenAll(
            ServiceProcess.RunToEnd("services/OrderService", Owner(), "setup"), ServiceProcess.RunToEnd("services/PaymentService", Owner(), "setup"));
        Assert.Equal([(0, ""), (0, "")], setups);

        await using var gateway = await ServiceProcess.Start("services/PaymentGateway", Runtime("orders"));
        await using var payment = await ServiceProcess.Start("services/PaymentService", Runtime("payments", gateway.BaseAddress));
        await using var order = await ServiceProcess.Start("services/OrderService", Runtime("orders"));
        await order.WaitHealthy();
        await payment.WaitHealthy();
        using var placed = await order.Client.PostAsJsonAsync("/orders", new
        {
            customerId = "c-42",
            items = new[] { new { sku = "SKU-1", quantity = 1 } },
            paymentToken = "tok_ok",
        }, Cancelled);

        await Eventually.True("it is paid", async () =>
            (await order.Client.GetFromJsonAsync<JsonElement>(placed.Headers.Location, Cancelled)).GetProperty("status").GetString() == "Paid");
        Assert.DoesNotContain("Permissions Violation", order.Output + payment.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_setup_has_made_its_schema_a_service_does_not_start_and_says_so_in_one_line()
    {
        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/OrderService", Runtime("orders", startupTimeout: "00:00:00"));

        Assert.Equal(1, exitCode);
        var line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("run the service's setup command first", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Until_setup_has_made_its_streams_a_service_is_unready_and_says_which_are_missing()
    {
        var schemaOnly = Owner();
        schemaOnly["Messaging__SetupTimeout"] = "00:00:00";
        await ServiceProcess.RunToEnd("services/OrderService", schemaOnly, "setup"); // Fails on the stream of the payment service.
        await _nats.RestartEmptyAsync();

        await using var order = await ServiceProcess.Start("services/OrderService", Runtime("orders"));
        await Eventually.True("it says which stream", async () =>
        {
            using var health = await order.Client.GetAsync("/health", Cancelled);
            return (await health.Content.ReadAsStringAsync(Cancelled)).Contains("stream ORDERS does not exist, and Messaging:Provision is false", StringComparison.Ordinal);
        });

        await Task.WhenAll(ServiceProcess.RunToEnd("services/OrderService", Owner(), "setup"), ServiceProcess.RunToEnd("services/PaymentService", Owner(), "setup"));
        await order.WaitHealthy(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Setup_that_cannot_reach_the_broker_says_so_in_one_line()
    {
        var environment = Owner();
        environment["ConnectionStrings__nats"] = "nats://setup:secret@127.0.0.1:1";
        environment["Messaging__SetupTimeout"] = "00:00:00";

        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/OrderService", environment, "setup");

        Assert.Equal(1, exitCode);
        var line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("nats://127.0.0.1:1", line, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_container_can_ask_after_its_own_health()
    {
        await using var gateway = await ServiceProcess.Start("services/PaymentGateway", Runtime("orders"));
        var beside = new Dictionary<string, string?> { ["ASPNETCORE_URLS"] = $"http://+:{gateway.BaseAddress.Port}" };
        var nowhere = new Dictionary<string, string?> { ["ASPNETCORE_URLS"] = null, ["ASPNETCORE_HTTP_PORTS"] = "1" };

        Assert.Equal((0, ""), await ServiceProcess.RunToEnd("services/PaymentGateway", beside, "health"));
        Assert.Equal((0, ""), await ServiceProcess.RunToEnd("services/PaymentGateway", beside, "health", "/alive"));
        var (missing, whatIsMissing) = await ServiceProcess.RunToEnd("services/PaymentGateway", beside, "health", "/nothing");
        var (away, whoIsAway) = await ServiceProcess.RunToEnd("services/PaymentGateway", nowhere, "health");
        var (wrong, whatIsWrong) = await ServiceProcess.RunToEnd("services/PaymentGateway", beside, "helth");

        Assert.Equal((1, 1, 1), (missing, away, wrong));
        Assert.Contains("/nothing: 404", whatIsMissing, StringComparison.Ordinal);
        Assert.Contains("http://127.0.0.1:1/health", whoIsAway, StringComparison.Ordinal);
        Assert.Contains("'helth' is not known", whatIsWrong, StringComparison.Ordinal);
    }

    /// <summary>What the setup runs with: the databases' owner, and the broker's one user who may make streams.</summary>
    private Dictionary<string, string?> Owner() => new()
    {
        ["ConnectionStrings__nats"] = _nats.UrlFor("setup", "setup"),
        ["ConnectionStrings__orders"] = _orders,
        ["ConnectionStrings__payments"] = _payments,
        ["services__payment-gateway__http__0"] = "http://127.0.0.1:1",
        // What the services may not do, the setup does all the same.
        ["Database__ApplySchema"] = "false",
        ["Messaging__Provision"] = "false",
    };

    private Dictionary<string, string?> Runtime(string user, Uri? gateway = null, string startupTimeout = "00:00:30") => new(Owner())
    {
        ["ConnectionStrings__nats"] = _nats.UrlFor(user, user),
        ["ConnectionStrings__orders"] = As(_role, _orders),
        ["ConnectionStrings__payments"] = As(_role, _payments),
        ["services__payment-gateway__http__0"] = $"{gateway}",
        ["Gateway__LedgerPath"] = Path.Combine(_folder.FullName, "ledger.jsonl"),
        ["Database__StartupTimeout"] = startupTimeout,
        ["Messaging__TopologyInterval"] = "00:00:01",
    };

    private static string As(string role, string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Username = role }.ConnectionString;

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancelled);
    }
}
