using System.Net;
using System.Text.Json;
using EventShop.Tests.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using PaymentService;
using Polly;
using Polly.CircuitBreaker;

namespace EventShop.Tests.Shop;

/// <summary>A gateway that fails is left alone for a while, and everybody can see it.</summary>
public sealed class CircuitTests(PostgresServer postgres)
{
    [Fact]
    public async Task It_opens_after_more_than_the_allowed_failures_in_a_row_and_closes_when_all_probes_succeed()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 5, HalfOpenProbes = 2, OpenTimeout = TimeSpan.FromSeconds(5) });

        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable, times: 5);
        await gateway.CallAsync(HttpStatusCode.PaymentRequired); // A decline is an answer: the row ends.
        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable, times: 5);
        Assert.Equal(CircuitState.Closed, gateway.State);
        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable);
        Assert.Equal(CircuitState.Open, gateway.State);

        gateway.Clock.Advance(TimeSpan.FromSeconds(4));
        await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(HttpStatusCode.Created));
        gateway.Clock.Advance(TimeSpan.FromSeconds(1));
        await gateway.CallAsync(HttpStatusCode.Created);
        Assert.Equal(CircuitState.HalfOpen, gateway.State);
        await gateway.CallAsync(HttpStatusCode.Created);
        Assert.Equal(CircuitState.Closed, gateway.State);
        Assert.Equal(14, gateway.Calls);
    }

    [Fact]
    public async Task A_probe_that_fails_opens_it_again_and_no_more_probes_than_allowed_run_at_once()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 0, HalfOpenProbes = 1, OpenTimeout = TimeSpan.FromSeconds(5) });
        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable);
        gateway.Clock.Advance(TimeSpan.FromSeconds(5));

        var answer = new TaskCompletionSource<HttpResponseMessage>();
        var probe = gateway.CallAsync(answer.Task);
        await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(HttpStatusCode.Created));
        answer.SetResult(new HttpResponseMessage(HttpStatusCode.BadGateway));
        await probe;

        Assert.Equal(CircuitState.Open, gateway.State);
        gateway.Clock.Advance(TimeSpan.FromSeconds(4));
        await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(HttpStatusCode.Created));
    }

    [Fact]
    public async Task Failures_far_apart_are_no_row_and_what_began_before_it_opened_says_nothing_about_what_came_after()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 1, SamplingInterval = TimeSpan.FromSeconds(30) });
        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable);
        gateway.Clock.Advance(TimeSpan.FromSeconds(31));
        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable);
        Assert.Equal(CircuitState.Closed, gateway.State);

        var answer = new TaskCompletionSource<HttpResponseMessage>();
        var early = gateway.CallAsync(answer.Task);
        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable);
        Assert.Equal(CircuitState.Open, gateway.State);
        answer.SetResult(new HttpResponseMessage(HttpStatusCode.Created));
        await early;
        Assert.Equal(CircuitState.Open, gateway.State);
    }

    [Fact]
    public async Task What_is_not_the_gateways_doing_leaves_it_as_it_is()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 0, OpenTimeout = TimeSpan.FromSeconds(5) });
        // The same key is being worked on elsewhere; the database is away.
        await gateway.CallAsync(HttpStatusCode.Conflict);
        await Assert.ThrowsAsync<InvalidOperationException>(() => gateway.CallAsync(Task.FromException<HttpResponseMessage>(new InvalidOperationException())));
        Assert.Equal(CircuitState.Closed, gateway.State);

        await gateway.CallAsync(HttpStatusCode.ServiceUnavailable);
        gateway.Clock.Advance(TimeSpan.FromSeconds(5));
        var answer = new TaskCompletionSource<HttpResponseMessage>();
        var probe = gateway.CallAsync(answer.Task);
        for (var i = 0; i < 3; i++)
            await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(HttpStatusCode.Created));
        answer.SetException(new InvalidOperationException());
        await Assert.ThrowsAsync<InvalidOperationException>(() => probe);
        Assert.Equal(CircuitState.HalfOpen, gateway.State);
        await gateway.CallAsync(HttpStatusCode.Created);
        Assert.Equal(CircuitState.Closed, gateway.State);
    }

    [Fact]
    public async Task Its_state_is_in_health_metrics_and_log_and_consumption_pauses_while_it_is_open()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("Gateway__OpenTimeout", "00:00:02"));
        Assert.Equal("Healthy", (await GatewayHealthAsync(shop)).GetProperty("status").GetString());

        await shop.ChaosAsync(new { down = true });
        for (var i = 0; i < 10; i++)
            await shop.PlaceAsync();
        await Eventually.True("the circuit is open", async () =>
            (await GatewayHealthAsync(shop)).GetProperty("description").GetString()!.Contains("circuit open", StringComparison.Ordinal)
            && await CircuitMetricAsync(shop) == "2", TimeSpan.FromSeconds(60));
        Assert.Equal("Degraded", (await GatewayHealthAsync(shop)).GetProperty("status").GetString());
        await Eventually.True("the log tells both", () =>
            shop.PaymentService.Output.Contains("The circuit to the payment gateway is open", StringComparison.Ordinal)
            && shop.PaymentService.Output.Contains("payment-orders pauses", StringComparison.Ordinal), TimeSpan.FromSeconds(60));

        await shop.ChaosAsync(new { down = false });
        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        await Eventually.True("the circuit is closed", async () =>
            (await GatewayHealthAsync(shop)).GetProperty("status").GetString() == "Healthy" && await CircuitMetricAsync(shop) == "0", TimeSpan.FromSeconds(60));
        Assert.Contains("The circuit to the payment gateway is closed again", shop.PaymentService.Output, StringComparison.Ordinal);
        await shop.AssertIdleAsync();
    }

    private static async Task<JsonElement> GatewayHealthAsync(RunningShop shop)
    {
        using var answer = await shop.PaymentService.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        using var health = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return health.RootElement.GetProperty("checks").GetProperty("payment-gateway").Clone();
    }

    private static async Task<string?> CircuitMetricAsync(RunningShop shop)
    {
        var metrics = await shop.PaymentService.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        return metrics.Split('\n').SingleOrDefault(line => line.StartsWith("payment_gateway_circuit_state", StringComparison.Ordinal))
            ?.Split(' ')[1];
    }

    /// <summary>A gateway that answers as it is told, behind a circuit whose time stands still.</summary>
    private sealed class ScriptedGateway
    {
        private readonly GatewayCircuit _circuit;
        private readonly ResiliencePipeline<HttpResponseMessage> _pipeline;

        public ScriptedGateway(GatewayOptions options)
        {
            _circuit = new(options, Clock, NullLogger<GatewayCircuit>.Instance);
            _pipeline = new ResiliencePipelineBuilder<HttpResponseMessage>().AddStrategy(_ => _circuit).Build();
        }

        public ManualClock Clock { get; } = new();

        public int Calls { get; private set; }

        public CircuitState State => _circuit.Read().State;

        public async Task CallAsync(HttpStatusCode status, int times = 1)
        {
            for (var i = 0; i < times; i++)
                await CallAsync(Task.FromResult(new HttpResponseMessage(status)));
        }

        public async Task CallAsync(Task<HttpResponseMessage> answer) => await _pipeline.ExecuteAsync(async _ =>
        {
            Calls++;
            return await answer;
        });
    }

    private sealed class ManualClock : TimeProvider
    {
        private TimeSpan _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => _now += by;

        public override long GetTimestamp() => _now.Ticks;
    }
}
