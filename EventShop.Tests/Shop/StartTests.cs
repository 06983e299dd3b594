using System.Net;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>A service that cannot start says in one line why, and what to do.</summary>
public sealed class StartTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("OrderService", "Messaging__Outbox__MaxInFlight", "0", "Messaging:Outbox:MaxInFlight", "from 1 to 10000")]
    [InlineData("OrderService", "Messaging__Outbox__Claim", "soon", "Messaging:Outbox:Claim", "a time span")]
    [InlineData("OrderService", "Messaging__Consumers__order-payments__Workers", "many", "Messaging:Consumers:order-payments:Workers", "a whole number")]
    [InlineData("PaymentService", "Messaging__Consumers__payment-orders__Prefetch", "1000", "Messaging:Consumers:payment-orders:Prefetch", "at most twice Workers")]
    [InlineData("PaymentService", "Gateway__TotalTimeout", "00:00:01", "Gateway:TotalTimeout", "longer than AttemptTimeout")]
    [InlineData("PaymentService", "Gateway__HalfOpenProbes", "0", "Gateway:HalfOpenProbes", "from 1 to 100")]
    [InlineData("OrderService", "Telemetry__SamplingRatio", "7", "Telemetry:SamplingRatio", "from 0 to 1")]
    public async Task A_wrong_value_is_named_with_its_key_and_what_is_allowed(string service, string variable, string value, string key, string allowed)
    {
        var (exitCode, errors) = await ServiceProcess.RunToEnd($"services/{service}", Environment((variable, value)));

        Assert.Equal(1, exitCode);
        var line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(key, line, StringComparison.Ordinal);
        Assert.Contains($"'{value}'", line, StringComparison.Ordinal);
        Assert.Contains(allowed, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_not_there_is_named_in_one_line()
    {
        var (exitCode, errors) = await ServiceProcess.RunToEnd("services/OrderService", Environment(
            ("ConnectionStrings__orders", "Host=127.0.0.1;Port=1;Username=postgres;Database=orders"), ("Database__StartupTimeout", "00:00:00")));

        Assert.Equal(1, exitCode);
        var line = Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("127.0.0.1:1", line, StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings__orders", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_broker_it_starts_says_so_in_one_line_takes_orders_and_is_ready()
    {
        await using var service = await ServiceProcess.Start("services/OrderService", Environment(
            ("ConnectionStrings__nats", "nats://user:secret@127.0.0.1:1"), ("ConnectionStrings__orders", postgres.NewDatabase())));

        await Eventually.True("it says what it lacks", () => service.Output.Contains("Not connected to NATS at nats://127.0.0.1:1", StringComparison.Ordinal));
        Assert.DoesNotContain("secret", service.Output, StringComparison.Ordinal);
        using var health = await service.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        using var ready = await service.Client.GetAsync("/ready", TestContext.Current.CancellationToken);
        using var alive = await service.Client.GetAsync("/alive", TestContext.Current.CancellationToken);
        using var order = await service.Client.PostAsync("/orders", new StringContent(
            """{"customerId":"c","items":[{"sku":"SKU-1","quantity":1}],"paymentToken":"tok_ok"}""", System.Text.Encoding.UTF8, "application/json"),
            TestContext.Current.CancellationToken);
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.Created),
            (health.StatusCode, ready.StatusCode, alive.StatusCode, order.StatusCode));
        Assert.Equal(0, await service.Terminate());
    }

    private Dictionary<string, string?> Environment(params (string Key, string Value)[] settings)
    {
        var environment = new Dictionary<string, string?>
        {
            ["ConnectionStrings__nats"] = "nats://127.0.0.1:1",
            ["ConnectionStrings__orders"] = postgres.NewDatabase(),
            ["ConnectionStrings__payments"] = postgres.NewDatabase(),
        };
        foreach (var (key, value) in settings)
            environment[key] = value;
        return environment;
    }
}
