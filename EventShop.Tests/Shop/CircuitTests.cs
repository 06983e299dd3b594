using System.Globalization;
using System.Text.Json;
using EventShop.Messaging.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using PaymentService;
using Polly;
using Polly.CircuitBreaker;

namespace EventShop.Tests.Shop;

/// <summary>A gateway that fails is left alone for a while, and everybody can see it.</summary>
public sealed class CircuitTests(SharedPostgres postgres)
{
    private static readonly GatewayAnswer Failed = new GatewayAnswer.Failed("HTTP 503");
    private static readonly GatewayAnswer Captured = new GatewayAnswer.Charged(new ChargeResult.Captured("ch_1"));
    private static readonly GatewayAnswer Declined = new GatewayAnswer.Charged(new ChargeResult.Declined("card_declined"));

    [Fact]
    public async Task It_opens_after_more_than_the_allowed_failures_in_a_row_and_closes_when_all_probes_succeed()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 5, HalfOpenProbes = 2, OpenTimeout = TimeSpan.FromSeconds(5) });

        await gateway.CallAsync(Failed, times: 5);
        await gateway.CallAsync(Declined); // A decline is an answer: the row ends.
        await gateway.CallAsync(Failed, times: 5);
        Assert.Equal(CircuitState.Closed, gateway.State);
        await gateway.CallAsync(Failed);
        Assert.Equal(CircuitState.Open, gateway.State);

        gateway.Clock.Advance(TimeSpan.FromSeconds(4));
        await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(Captured));
        gateway.Clock.Advance(TimeSpan.FromSeconds(1));
        await gateway.CallAsync(Captured);
        Assert.Equal(CircuitState.HalfOpen, gateway.State);
        await gateway.CallAsync(Captured);
        Assert.Equal(CircuitState.Closed, gateway.State);
        Assert.Equal(14, gateway.Calls);
    }

    [Fact]
    public async Task A_probe_that_fails_opens_it_again_and_no_more_probes_than_allowed_run_at_once()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 0, HalfOpenProbes = 1, OpenTimeout = TimeSpan.FromSeconds(5) });
        await gateway.CallAsync(Failed);
        gateway.Clock.Advance(TimeSpan.FromSeconds(5));

        var answer = new TaskCompletionSource<GatewayAnswer>();
        var probe = gateway.CallAsync(answer.Task);
        await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(Captured));
        answer.SetResult(Failed);
        await probe;

        Assert.Equal(CircuitState.Open, gateway.State);
        gateway.Clock.Advance(TimeSpan.FromSeconds(4));
        await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(Captured));
    }

    [Fact]
    public async Task Failures_far_apart_are_no_row_and_what_began_before_it_opened_says_nothing_about_what_came_after()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 1, SamplingInterval = TimeSpan.FromSeconds(30) });
        await gateway.CallAsync(Failed);
        gateway.Clock.Advance(TimeSpan.FromSeconds(31));
        await gateway.CallAsync(Failed);
        Assert.Equal(CircuitState.Closed, gateway.State);

        var answer = new TaskCompletionSource<GatewayAnswer>();
        var early = gateway.CallAsync(answer.Task);
        await gateway.CallAsync(Failed);
        Assert.Equal(CircuitState.Open, gateway.State);
        answer.SetResult(Captured);
        await early;
        Assert.Equal(CircuitState.Open, gateway.State);
    }

    [Fact]
    public async Task What_is_not_the_gateways_doing_leaves_it_as_it_is()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 0, OpenTimeout = TimeSpan.FromSeconds(5) });
        // The same key is being worked on elsewhere; the database is away.
        await gateway.CallAsync(new GatewayAnswer.Undecided("HTTP 409", IsInProgress: true));
        await Assert.ThrowsAsync<InvalidOperationException>(() => gateway.CallAsync(Task.FromException<GatewayAnswer>(new InvalidOperationException())));
        Assert.Equal(CircuitState.Closed, gateway.State);

        await gateway.CallAsync(Failed);
        gateway.Clock.Advance(TimeSpan.FromSeconds(5));
        var answer = new TaskCompletionSource<GatewayAnswer>();
        var probe = gateway.CallAsync(answer.Task);
        for (var i = 0; i < 3; i++)
            await Assert.ThrowsAsync<BrokenCircuitException>(() => gateway.CallAsync(Captured));
        answer.SetException(new InvalidOperationException());
        await Assert.ThrowsAsync<InvalidOperationException>(() => probe);
        Assert.Equal(CircuitState.HalfOpen, gateway.State);
        await gateway.CallAsync(Captured);
        Assert.Equal(CircuitState.Closed, gateway.State);
    }

    [Fact]
    public async Task Only_charges_and_refunds_say_that_the_gateway_is_well()
    {
        var gateway = new ScriptedGateway(new GatewayOptions { ConsecutiveFailures = 1, OpenTimeout = TimeSpan.FromSeconds(5) });
        var noCharge = new GatewayAnswer.NoCharge();
        // A gateway that makes no charges, and still knows those it has made.
        await gateway.CallAsync(Failed);
        await gateway.CallAsync(noCharge, kind: Attempt.LookUp);
        await gateway.CallAsync(new GatewayAnswer.Undecided("HTTP 202"));
        await gateway.CallAsync(Failed);
        Assert.Equal(CircuitState.Open, gateway.State);

        gateway.Clock.Advance(TimeSpan.FromSeconds(5));
        await gateway.CallAsync(noCharge, times: 3, kind: Attempt.LookUp);
        await gateway.CallAsync(new GatewayAnswer.Undecided("HTTP 200, no JSON"));
        Assert.Equal(CircuitState.HalfOpen, gateway.State);
        await gateway.CallAsync(Failed, kind: Attempt.LookUp);
        Assert.Equal(CircuitState.Open, gateway.State);

        gateway.Clock.Advance(TimeSpan.FromSeconds(5));
        await gateway.CallAsync(new GatewayAnswer.Refunded("re_1"), kind: Attempt.Refund);
        Assert.Equal(CircuitState.Closed, gateway.State);
    }

    [Fact]
    public async Task A_gateway_that_is_down_is_seen_for_as_long_as_it_is_and_so_are_the_payments_that_wait()
    {
        await using var shop = await RunningShop.StartAsync(
            postgres, ("Gateway__OpenTimeout", "00:00:01"), ("Gateway__UnhealthyAge", "00:00:05"));
        Assert.Equal("0 waiting, oldest 0 s", (await HealthAsync(shop, "waiting-payments")).GetProperty("description").GetString());

        await shop.ChaosAsync(new { down = true });
        for (var i = 0; i < 5; i++)
            await shop.PlaceAsync();
        await Eventually.True("the circuit opens", async () => await CircuitMetricAsync(shop) == "2", TimeSpan.FromSeconds(60));

        // Charges fail, look-ups are answered, and nobody is told that all is well.
        var looked = await LookUpsAsync();
        await Eventually.True("charges have been looked up six times since", async () =>
        {
            Assert.NotEqual("0", await CircuitMetricAsync(shop));
            Assert.Equal("Degraded", (await HealthAsync(shop, "payment-gateway")).GetProperty("status").GetString());
            return await LookUpsAsync() >= looked + 6;
        }, TimeSpan.FromSeconds(90));
        await Eventually.True("health tells that five payments wait", async () =>
            await HealthAsync(shop, "waiting-payments") is var entry && entry.GetProperty("status").GetString() == "Unhealthy"
            && entry.GetProperty("description").GetString()!.StartsWith("5 waiting, oldest ", StringComparison.Ordinal), TimeSpan.FromSeconds(60));
        Assert.Equal("5", await MetricAsync(shop, "payment_waiting"));
        Assert.True(double.Parse((await MetricAsync(shop, "payment_waiting_oldest_age_seconds"))!, CultureInfo.InvariantCulture) > 5);

        await shop.ChaosAsync(new { down = false });
        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        await Eventually.True("nothing waits", async () =>
            await MetricAsync(shop, "payment_waiting") == "0" && await MetricAsync(shop, "payment_waiting_oldest_age_seconds") == "0"
            && (await HealthAsync(shop, "waiting-payments")).GetProperty("status").GetString() == "Healthy", TimeSpan.FromSeconds(60));
        await shop.AssertIdleAsync();

        Task<long> LookUpsAsync() =>
            shop.PaymentsAsync("select count(*) from payments, jsonb_array_elements(attempts) a where a->>'kind' = 'lookup'");
    }

    [Fact]
    public async Task Its_state_is_in_health_metrics_and_log_and_consumption_pauses_while_it_is_open()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("Gateway__OpenTimeout", "00:00:02"));
        Assert.Equal("Healthy", (await HealthAsync(shop, "payment-gateway")).GetProperty("status").GetString());

        await shop.ChaosAsync(new { down = true });
        for (var i = 0; i < 10; i++)
            await shop.PlaceAsync();
        await Eventually.True("the circuit is open", async () =>
            (await HealthAsync(shop, "payment-gateway")).GetProperty("description").GetString()!.Contains("circuit open", StringComparison.Ordinal)
            && await CircuitMetricAsync(shop) == "2", TimeSpan.FromSeconds(60));
        Assert.Equal("Degraded", (await HealthAsync(shop, "payment-gateway")).GetProperty("status").GetString());
        await Eventually.True("the log tells both", () =>
            shop.PaymentService.Output.Contains("The circuit to the payment gateway is open", StringComparison.Ordinal)
            && shop.PaymentService.Output.Contains("payment-orders pauses", StringComparison.Ordinal), TimeSpan.FromSeconds(60));

        await shop.ChaosAsync(new { down = false });
        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        await Eventually.True("the circuit is closed", async () =>
            (await HealthAsync(shop, "payment-gateway")).GetProperty("status").GetString() == "Healthy" && await CircuitMetricAsync(shop) == "0", TimeSpan.FromSeconds(60));
        Assert.Contains("The circuit to the payment gateway is closed again", shop.PaymentService.Output, StringComparison.Ordinal);
        await shop.AssertIdleAsync();
    }

    private static async Task<JsonElement> HealthAsync(RunningShop shop, string entry)
    {
        using var answer = await shop.PaymentService.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        using var health = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return health.RootElement.GetProperty("checks").GetProperty(entry).Clone();
    }

    private static Task<string?> CircuitMetricAsync(RunningShop shop) => MetricAsync(shop, "payment_gateway_circuit_state");

    private static async Task<string?> MetricAsync(RunningShop shop, string name)
    {
        var metrics = await shop.PaymentService.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        return metrics.Split('\n').SingleOrDefault(line => line.StartsWith($"{name}{{", StringComparison.Ordinal))?.Split(' ')[1];
    }

    /// <summary>A gateway that answers as it is told, behind a circuit whose time stands still.</summary>
    private sealed class ScriptedGateway
    {
        private readonly GatewayCircuit _circuit;
        private readonly ResiliencePipeline<GatewayAnswer> _pipeline;

        public ScriptedGateway(GatewayOptions options)
        {
            _circuit = new(options, Clock, NullLogger<GatewayCircuit>.Instance);
            _pipeline = new ResiliencePipelineBuilder<GatewayAnswer>().AddStrategy(_ => _circuit).Build();
        }

        public ManualClock Clock { get; } = new();

        public int Calls { get; private set; }

        public CircuitState State => _circuit.Read().State;

        public async Task CallAsync(GatewayAnswer answer, int times = 1, string kind = Attempt.Charge)
        {
            for (var i = 0; i < times; i++)
                await CallAsync(Task.FromResult(answer), kind);
        }

        public async Task CallAsync(Task<GatewayAnswer> answer, string kind = Attempt.Charge)
        {
            var context = ResilienceContextPool.Shared.Get(kind, TestContext.Current.CancellationToken);
            await _pipeline.ExecuteAsync(async _ =>
            {
                Calls++;
                return await answer;
            }, context);
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private sealed class ManualClock : TimeProvider
    {
        private TimeSpan _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => _now += by;

        public override long GetTimestamp() => _now.Ticks;
    }
}
