using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Telemetry;

/// <summary>What a service logs, and how.</summary>
public sealed class LogTests(SharedPostgres postgres)
{
    [Fact]
    public async Task In_a_container_every_line_is_JSON_and_what_concerns_a_message_has_its_trace_id()
    {
        await using var traced = await TracedShop.StartAsync(postgres, ("DOTNET_RUNNING_IN_CONTAINER", "true"));
        var traceId = Guid.NewGuid().ToString("N");
        await using var connection = new NatsConnection(new NatsOpts { Url = traced.Shop.Nats.Url });
        var headers = new NatsHeaders
        {
            ["ce-specversion"] = "1.0",
            ["ce-id"] = Guid.NewGuid().ToString(),
            ["ce-type"] = "eventshop.payments.succeeded.v1",
            ["ce-source"] = "/PaymentService",
            ["ce-time"] = TimeProvider.System.GetUtcNow().ToString("O"),
            ["traceparent"] = $"00-{traceId}-00000000000000d1-01",
        };

        await new NatsJSContext(connection).PublishAsync(
            "payments.succeeded", Encoding.UTF8.GetBytes("{"), headers: headers, cancellationToken: TestContext.Current.CancellationToken);

        var service = traced.Shop.OrderService;
        await Eventually.True("it is logged", () => service.Output.Contains("goes to the dead letters", StringComparison.Ordinal), TracedShop.Patience);
        var lines = service.Output.Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var line = Assert.Single(lines, line => line.GetProperty("Message").GetString()!.Contains("goes to the dead letters", StringComparison.Ordinal));
        Assert.Equal("Error", line.GetProperty("LogLevel").GetString());
        Assert.Equal("order-payments", line.GetProperty("State").GetProperty("Consumer").GetString());
        Assert.EndsWith("Z", line.GetProperty("Timestamp").GetString(), StringComparison.Ordinal);
        Assert.Contains(line.GetProperty("Scopes").EnumerateArray(), scope =>
            scope.ValueKind is JsonValueKind.Object && scope.TryGetProperty("TraceId", out var id) && id.GetString() == traceId);
    }

    [Fact]
    public async Task What_has_become_of_an_order_is_a_line_each_at_Debug_with_its_trace_id()
    {
        await using var traced = await TracedShop.StartAsync(
            postgres, ("Logging__LogLevel__OrderService", "Debug"), ("Logging__LogLevel__PaymentService", "Debug"));
        var (id, traceId) = await traced.PlaceAsync();
        await traced.PaidAsync(id);

        string[] LinesOf(ServiceProcess service) =>
            [.. service.Output.Split('\n').Where(line => line.Contains($"{id}", StringComparison.Ordinal)).Select(line => line[(line.IndexOf(']') + 2)..])];
        await Eventually.True("all is told", () => LinesOf(traced.Shop.OrderService).Length + LinesOf(traced.Shop.PaymentService).Length == 3);

        Assert.Equal([$"Order {id} is Paid trace={traceId}", $"Order {id} is placed trace={traceId}"], LinesOf(traced.Shop.OrderService).Order(StringComparer.Ordinal));
        Assert.Equal([$"The payment of order {id} is Captured trace={traceId}"], LinesOf(traced.Shop.PaymentService));
    }

    [Fact]
    public async Task Orders_that_go_well_leave_no_line_at_Information()
    {
        await using var traced = await TracedShop.StartAsync(postgres);
        var (first, _) = await traced.PlaceAsync();
        await traced.PaidAsync(first);
        var services = new[] { traced.Shop.OrderService, traced.Shop.PaymentService, traced.Shop.Gateway };
        var before = services.Select(service => service.Output).ToArray();

        foreach (var (id, _) in await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => traced.PlaceAsync())))
            await traced.PaidAsync(id);

        Assert.Equal(before, services.Select(service => service.Output));
    }
}
