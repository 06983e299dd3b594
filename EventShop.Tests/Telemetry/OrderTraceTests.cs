using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using EventShop.Demo.Otlp;
using EventShop.Messaging.Testing;
using EventShop.Tests.Chaos;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Tests.Telemetry;

/// <summary>One order is one trace across three services; what is repeated is a trace of its own, linked to it.</summary>
public sealed class OrderTraceTests(SharedPostgres postgres)
{
    private const int Sigkill = 128 + 9;

    private const string PaidOrder = """
        Server POST /orders, OrderService
          Client commit orders.place, OrderService
          Producer publish orders.created, OrderService
            Consumer process orders.created, PaymentService
              Client commit payments.begin, PaymentService
              Client POST, PaymentService
                Server POST /charges, PaymentGateway
              Client commit payments.settle, PaymentService
              Producer publish payments.succeeded, PaymentService
                Consumer process payments.succeeded, OrderService
                  Client commit orders.move, OrderService
                  Producer publish orders.paid, OrderService
        """;

    [Fact]
    public async Task A_paid_order_is_one_trace_with_the_conventions_attributes_and_its_baggage_comes_along()
    {
        await using var traced = await TracedShop.StartAsync(postgres, ("Telemetry__TrustedCallers", "127.0.0.1, ::1"));

        var (id, traceId) = await traced.PlaceAsync(baggage: "tenant=north%20side");

        await traced.PaidAsync(id);
        await traced.TreeAsync(traceId, PaidOrder);
        var spans = traced.Receiver.Spans.Where(span => span.TraceId == traceId).ToDictionary(span => span.Name);
        Assert.Equal("00000000000000c1", spans["POST /orders"].ParentId);
        Assert.All(spans.Values, span => Assert.Empty(span.Links));
        Assert.All(spans.Values, span => Assert.Empty(span.Events));
        AssertAttributes(spans["POST /orders"],
            ("http.request.method", "POST"), ("http.route", "/orders"), ("http.response.status_code", "201"), ("url.scheme", "http"));
        AssertAttributes(spans["POST"],
            ("http.request.method", "POST"), ("http.response.status_code", "201"), ("server.address", "127.0.0.1"));
        AssertAttributes(spans["publish orders.created"],
            ("messaging.system", "nats"), ("messaging.operation.type", "send"), ("messaging.operation.name", "publish"),
            ("messaging.destination.name", "orders.created"), ("messaging.message.id", id.ToString()));
        AssertAttributes(spans["process orders.created"],
            ("messaging.system", "nats"), ("messaging.operation.type", "process"), ("messaging.destination.name", "orders.created"),
            ("messaging.consumer.group.name", "payment-orders"), ("messaging.message.id", id.ToString()), ("messaging.nats.delivery_attempt", "1"));
        AssertAttributes(spans["commit orders.place"],
            ("db.system.name", "postgresql"), ("db.operation.name", "commit"), ("db.operation.batch.size", "1"));

        await using var broker = new Broker(traced.Shop.Nats.Url);
        var outcome = Assert.Single(await broker.ReadAsync("PAYMENTS"));
        Assert.Equal("tenant=north%20side", outcome.Headers!["baggage"].ToString());
        var history = (await traced.Shop.OrderAsync(id)).GetProperty("history").EnumerateArray();
        Assert.All(history, entry => Assert.Equal(traceId, entry.GetProperty("traceId").GetString()));
    }

    [Fact]
    public async Task It_is_the_same_trace_when_the_relay_was_killed_between_commit_and_publish()
    {
        await using var traced = await TracedShop.StartAsync(postgres);
        await traced.Shop.OrderService.DisposeAsync();
        var doomed = traced.Shop.OrderService = await traced.Shop.StartAsync("OrderService", failPoint: "relay.after-claim");
        await doomed.WaitHealthy(TracedShop.Patience);

        // The broker is away, so that the order is answered, and the relay has it from the table.
        traced.Shop.Nats.Kill();
        await Eventually.True("the broker is missed", async () =>
            (await doomed.Client.GetAsync("/health")).StatusCode is HttpStatusCode.ServiceUnavailable, TracedShop.Patience);
        var (id, traceId) = await traced.PlaceAsync();
        await traced.SpanAsync("the request", span => span.TraceId == traceId && span.Kind is SpanKind.Server);
        await traced.Shop.Nats.RestartAsync();
        Assert.Equal(Sigkill, await doomed.Exited(TracedShop.Patience));
        await doomed.DisposeAsync();
        Assert.DoesNotContain(traced.Receiver.Spans, span => span.TraceId == traceId && span.Kind is SpanKind.Producer);
        await traced.Shop.StartOrderServiceAsync();

        await traced.PaidAsync(id);
        await traced.TreeAsync(traceId, PaidOrder);
    }

    [Fact]
    public async Task A_redelivery_is_a_trace_of_its_own_linked_to_the_publish()
    {
        await using var traced = await TracedShop.StartAsync(postgres);
        await traced.Shop.PaymentService.DisposeAsync();
        var doomed = traced.Shop.PaymentService = await traced.Shop.StartAsync("PaymentService", failPoint: "consumer.before-ack");

        var (id, traceId) = await traced.PlaceAsync();
        Assert.Equal(Sigkill, await doomed.Exited(TracedShop.Patience));
        await doomed.DisposeAsync();
        await traced.Shop.StartPaymentServiceAsync();
        await traced.PaidAsync(id);

        var published = await traced.SpanAsync("the publish", span => span.TraceId == traceId && span.Name == "publish orders.created");
        var again = await traced.SpanAsync("the second delivery", span =>
            span.Name == "process orders.created" && span.Attributes["messaging.nats.delivery_attempt"] == "2");
        Assert.Null(again.ParentId);
        Assert.NotEqual(traceId, again.TraceId);
        Assert.Equal(new SpanLink(traceId, published.SpanId), Assert.Single(again.Links));
        Assert.Equal(SpanStatus.Unset, again.Status);
    }

    [Fact]
    public async Task A_failure_sets_the_status_records_its_exception_once_and_the_retry_is_a_linked_trace()
    {
        await using var traced = await TracedShop.StartAsync(postgres);
        await traced.Shop.ChaosAsync(new { down = true });

        var (id, traceId) = await traced.PlaceAsync();
        var failed = await traced.SpanAsync("the failed attempt", span =>
            span.TraceId == traceId && span.Name == "process orders.created" && span.Status is SpanStatus.Error);
        await traced.Shop.ChaosAsync(new { down = false });
        await traced.PaidAsync(id);

        Assert.Equal("EventShop.Messaging.DependencyUnavailableException", failed.Attributes["error.type"]);
        var exception = Assert.Single(traced.Receiver.Spans.Where(span => span.TraceId == traceId).SelectMany(span => span.Events));
        Assert.Equal("exception", exception.Name);
        Assert.Equal("EventShop.Messaging.DependencyUnavailableException", exception.Attributes["exception.type"]);
        var calls = traced.Receiver.Spans.Where(span => span.TraceId == traceId && span.ParentId == failed.SpanId && span.Name == "POST");
        Assert.All(calls, call => Assert.Equal(SpanStatus.Error, call.Status));

        var retried = await traced.SpanAsync("the attempt that succeeded", span =>
            span.Name == "process orders.created" && span.Status is SpanStatus.Unset);
        Assert.Null(retried.ParentId);
        Assert.Equal(new SpanLink(traceId, failed.ParentId!), Assert.Single(retried.Links));
    }

    [Fact]
    public async Task A_redriven_dead_letter_is_a_trace_of_its_own_linked_to_its_cause()
    {
        await using var traced = await TracedShop.StartAsync(postgres);
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
        var first = await traced.SpanAsync("the first delivery", span => span.TraceId == traceId);
        await Eventually.True("it can be redriven", async () =>
        {
            using var answer = await traced.Shop.OrderService.Client.PostAsync("/dead-letters/redrive", null);
            return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("redriven").GetInt32() == 1;
        }, TracedShop.Patience);

        Assert.Equal(("00000000000000d1", SpanStatus.Error), (first.ParentId, first.Status));
        var again = await traced.SpanAsync("the redriven delivery", span => span.Name == first.Name && span.SpanId != first.SpanId);
        Assert.Null(again.ParentId);
        Assert.NotEqual(traceId, again.TraceId);
        Assert.Equal(new SpanLink(traceId, "00000000000000d1"), Assert.Single(again.Links));
    }

    [Fact]
    public async Task Probes_and_the_brokers_protocol_are_not_traced()
    {
        await using var traced = await TracedShop.StartAsync(postgres);
        var (id, traceId) = await traced.PlaceAsync();
        await traced.PaidAsync(id);
        await traced.TreeAsync(traceId, PaidOrder);
        var services = new[] { traced.Shop.OrderService, traced.Shop.PaymentService, traced.Shop.Gateway };
        foreach (var service in services)
            foreach (var probe in new[] { "/health", "/ready", "/alive", "/metrics" })
                (await service.Client.GetAsync(probe, TestContext.Current.CancellationToken)).Dispose();
        foreach (var service in services)
            (await service.Client.GetAsync("/openapi/v1.json", TestContext.Current.CancellationToken)).Dispose();

        // Asked for last, exported last.
        await Eventually.True("the last requests are here", () =>
            traced.Receiver.Spans.Count(span => span.Name == "GET /openapi/{documentName}.json") == services.Length, TracedShop.Patience);

        Assert.All(traced.Receiver.Spans, span => Assert.Contains(span.Scope, new[] { "EventShop.Messaging", "EventShop.Postgres", "Microsoft.AspNetCore", "System.Net.Http" }));
        Assert.DoesNotContain(traced.Receiver.Spans, span =>
            span.Name.Contains('$') || span.Name.Contains("INBOX", StringComparison.OrdinalIgnoreCase)
            || span.Attributes.GetValueOrDefault("url.path") is "/health" or "/ready" or "/alive" or "/metrics");
    }

    private static void AssertAttributes(Span span, params (string Name, string Value)[] expected) =>
        Assert.All(expected, attribute => Assert.Equal(
            $"{span.Name}: {attribute.Name}={attribute.Value}", $"{span.Name}: {attribute.Name}={span.Attributes.GetValueOrDefault(attribute.Name)}"));
}
