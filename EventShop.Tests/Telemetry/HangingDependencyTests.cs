using System.Net;
using System.Text.Json;
using EventShop.Messaging.Testing;
using EventShop.Tests.Chaos;
using EventShop.Tests.Shop;
using Npgsql;

namespace EventShop.Tests.Telemetry;

/// <summary>What a service says of its health whose dependencies are there and do not answer.</summary>
public sealed class HangingDependencyTests(SharedPostgres postgres)
{
    [Fact]
    public async Task A_broker_that_hangs_is_told_in_time_and_the_service_lives_and_takes_orders()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        shop.Nats.Pause();

        var nats = await UnhealthyAsync(shop.OrderService, "nats");
        using var alive = await shop.OrderService.Client.GetAsync("/alive", TestContext.Current.CancellationToken);
        using var ready = await shop.OrderService.Client.GetAsync("/ready", TestContext.Current.CancellationToken);
        var order = await shop.PlaceAsync();
        shop.Nats.Resume();

        Assert.NotEmpty(nats.GetProperty("description").GetString()!);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (alive.StatusCode, ready.StatusCode));
        await Eventually.True("it is paid", async () => await shop.StatusAsync(order) == "Paid", TracedShop.Patience);
    }

    [Fact]
    public async Task A_database_that_hangs_is_told_in_time_and_the_service_lives()
    {
        var database = new NpgsqlConnectionStringBuilder(postgres.NewDatabase());
        await using var network = new TcpProxy(() => database.Port);
        await using var nats = await NatsServer.StartAsync();
        await using var service = await ServiceProcess.Start("services/OrderService", new Dictionary<string, string?>
        {
            ["ConnectionStrings__nats"] = nats.Url,
            ["ConnectionStrings__orders"] = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1", Port = network.Port }.ToString(),
        });
        // Not the whole service: nobody publishes what it consumes.
        await Eventually.True("the database is healthy", async () =>
            (await ChecksAsync(service)).GetProperty("database").GetProperty("status").GetString() == "Healthy", TracedShop.Patience);
        network.GoSilent();

        var check = await UnhealthyAsync(service, "database");
        using var alive = await service.Client.GetAsync("/alive", TestContext.Current.CancellationToken);
        using var ready = await service.Client.GetAsync("/ready", TestContext.Current.CancellationToken);

        Assert.Equal("no answer within 1 s", check.GetProperty("description").GetString());
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable), (alive.StatusCode, ready.StatusCode));
        network.Heal();
    }

    /// <summary>How long a check takes is bounded by TimeLimitedCheck, whose limit its reason names; how long the machine takes is not.</summary>
    private static async Task<JsonElement> UnhealthyAsync(ServiceProcess service, string name)
    {
        var checks = await Eventually.Value($"{name} is unhealthy", () => ChecksAsync(service),
            checks => checks.GetProperty(name).GetProperty("status").GetString() == "Unhealthy", TracedShop.Patience);
        Assert.All(checks.EnumerateObject(), check => Assert.True(check.Value.GetProperty("durationMs").GetDouble() >= 0));
        return checks.GetProperty(name);
    }

    private static async Task<JsonElement> ChecksAsync(ServiceProcess service)
    {
        using var answer = await service.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).GetProperty("checks");
    }
}
