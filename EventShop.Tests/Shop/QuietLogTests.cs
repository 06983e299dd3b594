using System.Net;
using EventShop.Messaging.Testing;
using EventShop.Tests.Chaos;
using Npgsql;

namespace EventShop.Tests.Shop;

/// <summary>What is expected is no warning: a start in any order, a broker that is away for a while, a database to be made.</summary>
public sealed class QuietLogTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_service_that_starts_before_the_other_waits_for_its_stream_and_says_so_once()
    {
        await using var nats = await NatsServer.StartAsync();
        var environment = Environment(nats.Url);
        await using var payments = await ServiceProcess.Start("services/PaymentService", environment);
        var (unhealthy, text) = await Eventually.Value("it waits for the other's stream", () => HealthAsync(payments),
            health => health.Body.Contains("waits for stream ORDERS", StringComparison.Ordinal));
        // As somebody who watches would, again and again.
        for (var probe = 0; probe < 10; probe++)
            await HealthAsync(payments);
        await using var orders = await ServiceProcess.Start("services/OrderService", environment);
        await Task.WhenAll(payments.WaitHealthy(), orders.WaitHealthy());

        Assert.Equal(HttpStatusCode.ServiceUnavailable, unhealthy);
        foreach (var service in new[] { payments, orders })
        {
            Assert.Empty(Troubles(service.Output));
            Assert.InRange(Lines(service, "HealthLog").Length, 1, 2);
        }

        Assert.EndsWith("Waiting for stream ORDERS, which another service makes", Assert.Single(Lines(payments, "Waiting for")), StringComparison.Ordinal);
        Assert.Contains(" info: ", Lines(payments, "HealthLog")[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_broker_that_is_lost_is_one_line_and_one_when_it_is_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var network = new TcpProxy(() => nats.Port);
        await using var shop = await RunningShop.StartAsync(postgres, nats, new Dictionary<string, string?>
        {
            ["ConnectionStrings__nats"] = $"nats://127.0.0.1:{network.Port}",
        });
        ServiceProcess[] services = [shop.OrderService, shop.PaymentService];
        var before = services.Select(service => service.Output.Length).ToArray();

        nats.Kill();
        var attempts = network.Connections;
        await Eventually.True("both have tried in vain, several times", () => network.Connections > attempts + 10);
        await nats.RestartAsync();
        foreach (var service in services)
            await Eventually.True("it is connected again", () => service.Output.Contains("Connected to NATS at", StringComparison.Ordinal));
        await Task.WhenAll(services.Select(service => service.WaitHealthy()));

        foreach (var (service, length) in services.Zip(before))
        {
            // What happened, and now and then what it means for the service's health.
            var troubles = Troubles(service.Output[length..]).ToLookup(line => line.Contains("HealthLog[", StringComparison.Ordinal));
            Assert.Contains("Lost the connection to NATS at", Assert.Single(troubles[false]), StringComparison.Ordinal);
            Assert.InRange(troubles[true].Count(), 0, 3);
            Assert.DoesNotContain("   at ", service.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_database_is_made_without_asking_for_it_in_vain()
    {
        await using var nats = await NatsServer.StartAsync();
        var environment = Environment(nats.Url);
        var database = new NpgsqlConnectionStringBuilder(environment["ConnectionStrings__orders"]).Database!;

        await using var orders = await ServiceProcess.Start("services/OrderService", environment);

        Assert.Contains($"Database {database} created", orders.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(postgres.Log, line => line.Contains($"database \"{database}\" does not exist", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_role_that_may_only_connect_to_its_own_database_finds_it_there()
    {
        await using var server = new PostgresServer();
        await server.InitializeAsync();
        await ExecuteAsync(server, "create role shop login");
        await ExecuteAsync(server, "create database orders owner shop");
        await ExecuteAsync(server, "revoke connect on database postgres from public");
        await using var nats = await NatsServer.StartAsync();
        var environment = Environment(nats.Url);
        environment["ConnectionStrings__orders"] = new NpgsqlConnectionStringBuilder(server.ConnectionString("orders")) { Username = "shop" }.ConnectionString;

        await using var orders = await ServiceProcess.Start("services/OrderService", environment);
        using var answer = await orders.Client.GetAsync("/orders", Cancelled);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private Dictionary<string, string?> Environment(string nats) => new()
    {
        ["ConnectionStrings__nats"] = nats,
        ["ConnectionStrings__orders"] = postgres.NewDatabase("orders"),
        ["ConnectionStrings__payments"] = postgres.NewDatabase("payments"),
        ["services__payment-gateway__http__0"] = "http://127.0.0.1:1",
    };

    private static async Task<(HttpStatusCode Status, string Body)> HealthAsync(ServiceProcess service)
    {
        using var answer = await service.Client.GetAsync("/health", Cancelled);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancelled));
    }

    private static string[] Lines(ServiceProcess service, string with) =>
        [.. service.Output.Split('\n').Where(line => line.Contains(with, StringComparison.Ordinal))];

    private static string[] Troubles(string output) => [.. output.Split('\n').Where(line =>
        line.Contains(" warn: ", StringComparison.Ordinal) || line.Contains(" fail: ", StringComparison.Ordinal) || line.Contains(" crit: ", StringComparison.Ordinal))];

    private static async Task ExecuteAsync(PostgresServer server, string sql)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString("postgres"));
        await connection.OpenAsync(Cancelled);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancelled);
    }
}
