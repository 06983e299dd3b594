using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;
using EventShop.Tests.Chaos;
using EventShop.Tests.Shop;

namespace EventShop.Tests.Telemetry;

/// <summary>Whatever a caller sends as trace context, its order is paid, its cancellation refunded, and its events are small.</summary>
public sealed class CallersContextTests(SharedPostgres postgres)
{
    private const string Caller = "0af7651916cd43dd8448eb211c80319c";
    private const string Valid = $"traceparent: 00-{Caller}-b7ad6b7169203331-01";

    /// <summary>What is sent, and whether the caller's trace is gone on with.</summary>
    private static readonly (string Headers, bool IsJoined)[] Inputs =
    [
        ($"baggage: k={new string('!', 22_000)}", false),
        ($"baggage: {string.Join(',', Enumerable.Range(0, 2000).Select(i => $"k{i}=v{i}"))}", false),
        ($"baggage: {string.Join("\nbaggage: ", Enumerable.Range(0, 60).Select(i => $"k{i}={new string('!', 300)}"))}", false),
        ($"baggage: k={string.Concat(Enumerable.Repeat("\u00E2\u0082\u00AC", 4000))},\u00C3\u00A9=1", false), // Euro signs, in UTF-8
        ($"baggage: {new string(',', 5000)}=;=,;,k=%ZZ%00%0D%0A,{new string('%', 9000)}", false),
        ($"{Valid}\nbaggage: tenant=north", true),
        ($"{Valid}\ntracestate: {string.Join(',', Enumerable.Range(0, 1000).Select(i => $"k{i}=v{i}"))}", true),
        ($"{Valid}\ntracestate: vendor={new string('x', 8192)}", true),
        ($"{Valid}\ntracestate: \u00C3\u00A9=\u00C3\u00A9,a=b", true),
        ($"traceparent: 00-{Caller}-b7ad6b7169203331-ff", true),
        ($"traceparent: cc-{Caller}-b7ad6b7169203331-01-{new string('x', 20_000)}", true),
        ($"traceparent: ff-{Caller}-b7ad6b7169203331-01", false),
        ($"traceparent: 00-{new string('0', 32)}-b7ad6b7169203331-01", false),
        ($"traceparent: 00-{Caller}-{new string('0', 16)}-01", false),
        ($"traceparent: 00-{Caller.ToUpperInvariant()}-b7ad6b7169203331-01", false),
        ($"traceparent: {new string('x', 20_000)}", false),
        ($"traceparent: |{new string('x', 20_000)}.", false),
        ($"Request-Id: |{new string('x', 20_000)}.\nCorrelation-Context: k={new string('!', 8_000)}", false),
    ];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("127.0.0.1, ::1")]
    public async Task Orders_are_paid_and_cancellations_refunded_whatever_comes_along(string trusted)
    {
        await using var traced = await TracedShop.StartAsync(
            postgres, ("Telemetry__TrustedCallers", trusted), ("Gateway__LookAgainAfter", "00:00:05"));
        var shop = traced.Shop;

        var paid = await Task.WhenAll(Inputs.Select(input => PlaceAsync(shop, input.Headers)));
        foreach (var id in paid)
            await traced.PaidAsync(id);
        foreach (var (id, (headers, isJoined)) in paid.Zip(Inputs))
        {
            var history = (await shop.OrderAsync(id)).GetProperty("history").EnumerateArray().ToArray();
            Assert.All(history, entry => Assert.Matches("^[0-9a-f]{32}$", entry.GetProperty("traceId").GetString()));
            Assert.True(isJoined == (history[0].GetProperty("traceId").GetString() == Caller), headers[..Math.Min(80, headers.Length)]);
            await CancelAsync(shop, id, headers);
        }
        foreach (var id in paid)
            await CancelledAsync(shop, id);

        // Cancelled while they are pending: the payment service hears of both at once.
        await shop.PaymentService.Kill();
        var pending = await Task.WhenAll(Inputs.Select(input => PlaceAsync(shop, input.Headers)));
        foreach (var (id, (headers, _)) in pending.Zip(Inputs))
            await CancelAsync(shop, id, headers);
        await shop.StartPaymentServiceAsync();
        await shop.CancellationsAnsweredAsync(TracedShop.Patience);
        foreach (var id in pending)
            await CancelledAsync(shop, id);

        // One that was charged after all, on a slow machine, is found and given back.
        await Eventually.True("no money is kept", async () =>
            (await shop.CapturesAsync()).Count == 0 && await shop.PaymentsAsync("select count(*) from payments where look_again_at is not null") == 0,
            TracedShop.Patience);
        await shop.AssertIdleAsync();
        await using var broker = new Broker(shop.Nats.Url);
        foreach (var message in (await broker.ReadAsync("ORDERS")).Concat(await broker.ReadAsync("PAYMENTS")))
        {
            Assert.Equal(55, message.Headers!["traceparent"].ToString().Length);
            Assert.InRange(Length("tracestate"), 0, trusted.Length == 0 ? 0 : 512);
            Assert.InRange(Length("baggage"), 0, trusted.Length == 0 ? 0 : 1024);

            int Length(string name) => message.Headers!.TryGetLastValue(name, out var value) ? value.Length : 0;
        }
    }

    [Fact]
    public async Task A_message_of_a_stranger_with_a_large_context_is_handled_and_passes_on_little_of_it()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();
        await using var broker = new Broker(shop.Nats.Url);
        var created = (await Eventually.Value("it is announced", () => broker.ReadAsync("ORDERS"), messages => messages.Count == 1))[0];
        await broker.JetStream.PurgeStreamAsync("ORDERS", new(), Cancelled);
        created.Headers!["Nats-Msg-Id"] = "again";
        var headers = new NATS.Client.Core.NatsHeaders(created.Headers.ToDictionary(header => header.Key, header => header.Value))
        {
            ["Nats-Msg-Id"] = "again",
            ["traceparent"] = $"00-{Caller}-b7ad6b7169203331-01",
            ["tracestate"] = string.Join(',', Enumerable.Range(0, 1500).Select(i => $"k{i}=v{i}")),
            ["baggage"] = $"tenant=north,k={new string('!', 20_000)}",
        };

        await broker.JetStream.PublishAsync(created.Subject, created.Data, headers: headers, cancellationToken: Cancelled);
        await shop.StartPaymentServiceAsync();

        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid", TracedShop.Patience);
        var succeeded = Assert.Single(await broker.ReadAsync("PAYMENTS"));
        Assert.Equal("tenant=north", succeeded.Headers!["baggage"].ToString());
        Assert.InRange(succeeded.Headers["tracestate"].ToString().Length, 1, 512);
    }

    private static async Task<Guid> PlaceAsync(RunningShop shop, string headers)
    {
        var answer = await RawHttp.SendAsync(
            shop.OrderService.BaseAddress, $"POST /orders HTTP/1.1\nContent-Type: application/json\n{headers}",
            Encoding.UTF8.GetBytes("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":1}],"paymentToken":"tok_ok"}"""));
        Assert.True(answer.Status == 201, $"{headers[..Math.Min(80, headers.Length)]}: {answer.Headers}{answer.Body}");
        return JsonElement.Parse(answer.Body).GetProperty("id").GetGuid();
    }

    private static async Task CancelAsync(RunningShop shop, Guid id, string headers) =>
        Assert.Equal(202, (await RawHttp.SendAsync(shop.OrderService.BaseAddress, $"POST /orders/{id}/cancel HTTP/1.1\n{headers}")).Status);

    private static Task CancelledAsync(RunningShop shop, Guid id) =>
        Eventually.True("it is cancelled", async () => await shop.StatusAsync(id) == "Cancelled", TracedShop.Patience);
}
