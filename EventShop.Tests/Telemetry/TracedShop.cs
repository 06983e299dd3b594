using System.Net.Http.Json;
using System.Text;
using EventShop.Demo.Otlp;
using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;

namespace EventShop.Tests.Telemetry;

/// <summary>A shop whose three services send all their telemetry here.</summary>
internal sealed class TracedShop : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private TracedShop(RunningShop shop, OtlpReceiver receiver) => (Shop, Receiver) = (shop, receiver);

    public RunningShop Shop { get; }

    public OtlpReceiver Receiver { get; }

    public static async Task<TracedShop> StartAsync(PostgresServer postgres, params (string Key, string Value)[] settings)
    {
        var receiver = await OtlpReceiver.StartAsync();
        return new(await RunningShop.StartAsync(postgres,
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.Endpoint),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
            // A slow machine must not turn prompt deliveries into late ones.
            ("Messaging__Consumers__payment-orders__SameTraceWithin", "01:00:00"),
            ("Messaging__Consumers__order-payments__SameTraceWithin", "01:00:00"),
            ("Messaging__Consumers__payment-orders__AckWait", "00:00:03"),
            // Nor a slow answer into a second attempt.
            ("Messaging__Outbox__Claim", "00:00:10"),
            ("Gateway__AttemptTimeout", "00:00:30"),
            ("Gateway__TotalTimeout", "00:01:00"),
            .. settings,
        ]), receiver);
    }

    /// <summary>Places an order as the step of a trace that began at the client.</summary>
    public async Task<(Guid Id, string TraceId)> PlaceAsync(string? baggage = null, string paymentToken = "tok_ok")
    {
        var traceId = Guid.NewGuid().ToString("N");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders")
        {
            Content = JsonContent.Create(new { customerId = "c-42", items = new[] { new { sku = "SKU-1", quantity = 1 } }, paymentToken }),
        };
        request.Headers.Add("traceparent", $"00-{traceId}-00000000000000c1-01");
        if (baggage is not null)
            request.Headers.Add("baggage", baggage);
        using var answer = await Shop.OrderService.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.Created, answer.StatusCode);
        return (Guid.Parse(answer.Headers.Location!.ToString().Split('/')[^1]), traceId);
    }

    public Task PaidAsync(Guid id) => Eventually.True("it is paid", async () => await Shop.StatusAsync(id) == "Paid", Patience);

    /// <summary>Waits for a span.</summary>
    public async Task<Span> SpanAsync(string what, Func<Span, bool> isWanted) =>
        (await Eventually.Value(what, () => Task.FromResult(Receiver.Spans.FirstOrDefault(isWanted)), span => span is not null, Patience))!;

    /// <summary>Waits until a trace looks like this.</summary>
    public Task TreeAsync(string traceId, string expected) => Eventually.Value(
        $"the trace{Environment.NewLine}{expected}", () => Task.FromResult(Environment.NewLine + Tree(traceId)),
        tree => tree == Environment.NewLine + expected, Patience);

    /// <summary>A trace as text: one line for each span, children below their parent in the order they began. '!' marks errors.</summary>
    private string Tree(string traceId)
    {
        var spans = Receiver.Spans.Where(span => span.TraceId == traceId).ToArray();
        var text = new StringBuilder();
        foreach (var root in spans.Where(span => spans.All(other => other.SpanId != span.ParentId)).OrderBy(span => span.Start))
            Append(root, 0);
        return text.ToString().TrimEnd();

        void Append(Span span, int depth)
        {
            text.Append(' ', 2 * depth).Append(span.Kind).Append(' ').Append(span.Name).Append(", ").Append(span.Service)
                .AppendLine(span.Status is SpanStatus.Error ? "!" : "");
            foreach (var child in spans.Where(other => other.ParentId == span.SpanId).OrderBy(other => other.Start))
                Append(child, depth + 1);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Shop.DisposeAsync();
        await Receiver.DisposeAsync();
    }
}
