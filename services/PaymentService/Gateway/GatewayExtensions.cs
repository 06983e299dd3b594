using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using EventShop.Hosting;
using OpenTelemetry;
using OpenTelemetry.Context.Propagation;
using Polly;
using Polly.Retry;

namespace PaymentService;

/// <summary>Adds the gateway's client.</summary>
internal static class GatewayExtensions
{
    public static void AddGateway(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.GetValidated<GatewayOptions>("Gateway");
        // Otherwise the HTTP instrumentation adds the trace's state and baggage before the handler below is asked what may go out.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<GatewayCircuit>();
        builder.Services.AddSingleton<WaitingPaymentsWatch>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<WaitingPaymentsWatch>());
        builder.Services.AddHealthChecks()
            .AddCheck<GatewayHealthCheck>("payment-gateway")
            .AddCheck<WaitingPaymentsHealthCheck>("waiting-payments");
        builder.Services.AddSingleton(provider => Pipeline(
            options, provider.GetRequiredService<GatewayCircuit>(), provider.GetRequiredService<TimeProvider>()));
#pragma warning disable EXTEXP0001 // Experimental, and the only way out of the default handlers.
        builder.Services
            .AddHttpClient<GatewayClient>(http =>
            {
                http.BaseAddress = new Uri("https+http://payment-gateway");
                // The pipeline knows when to give up.
                http.Timeout = Timeout.InfiniteTimeSpan;
            })
            // One pipeline decides about this client's calls. The default one would retry and break inside it.
            .RemoveAllResilienceHandlers()
            // Cards go to this address, and to no other that an answer names.
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                ActivityHeadersPropagator = new TraceParentOnly(),
            });
#pragma warning restore EXTEXP0001
    }

    private static ResiliencePipeline<GatewayAnswer> Pipeline(GatewayOptions options, GatewayCircuit circuit, TimeProvider clock)
    {
        var builder = new ResiliencePipelineBuilder<GatewayAnswer> { TimeProvider = clock }.AddTimeout(options.TotalTimeout);
        if (options.Retries > 0)
            builder.AddRetry(new RetryStrategyOptions<GatewayAnswer>
            {
                // Every call carries a key or reads only: each may be repeated.
                ShouldHandle = attempt => ValueTask.FromResult(
                    attempt.Outcome.Result is GatewayAnswer.Undecided { IsInProgress: true } || GatewayAnswer.FailureOf(attempt.Outcome) is not null),
                MaxRetryAttempts = options.Retries,
                Delay = options.RetryDelay,
                MaxDelay = options.MaxRetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                // The gateway knows better when to come again, within reason. (Null: the delay above.)
                DelayGenerator = retry => ValueTask.FromResult<TimeSpan?>(
                    retry.Outcome.Result is GatewayAnswer.Failed { RetryAfter: { } delay } ? delay < options.MaxRetryDelay ? delay : options.MaxRetryDelay : null),
            });
        return builder
            .AddStrategy(_ => new Bulkhead(options.MaxConcurrentCalls))
            .AddStrategy(_ => circuit)
            .AddTimeout(options.AttemptTimeout)
            .Build();
    }

    /// <summary>A foreign gateway gets the trace's id, and nothing that a customer or a partner put into its baggage or state.</summary>
    private sealed class TraceParentOnly : DistributedContextPropagator
    {
        private const string TraceParent = "traceparent";

        private static readonly DistributedContextPropagator W3C = CreateW3CPropagator();

        public override IReadOnlyCollection<string> Fields { get; } = [TraceParent];

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter) => W3C.Inject(activity, carrier, (c, name, value) =>
        {
            if (name is TraceParent)
                setter?.Invoke(c, name, value);
        });

        public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
            W3C.ExtractTraceIdAndState(carrier, getter, out traceId, out traceState);

        public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) =>
            W3C.ExtractBaggage(carrier, getter);
    }
}

/// <summary>Configuration section <c>Gateway</c>: how the card gateway is called.</summary>
public sealed class GatewayOptions : IValidatableObject
{
    /// <summary>How long one HTTP call may take.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a charge may take with all its attempts.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:05:00")]
    public TimeSpan TotalTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Further calls with the same key when one fails or is not answered. 0: none.</summary>
    [Range(0, 10)]
    public int Retries { get; set; } = 2;

    /// <summary>The pause before the second call. It doubles with each, with jitter.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:30")]
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between two calls, also when the gateway asks for a longer one in <c>Retry-After</c>.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:30")]
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Calls at one time. Further ones wait their turn.</summary>
    [Range(1, 10_000)]
    public int MaxConcurrentCalls { get; set; } = 128;

    /// <summary>The circuit opens with the failing call after this many failed in a row.</summary>
    [Range(0, 10_000)]
    public int ConsecutiveFailures { get; set; } = 5;

    /// <summary>Within which they must have failed.</summary>
    [Range(typeof(TimeSpan), "00:00:00.500", "00:10:00")]
    public TimeSpan SamplingInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the circuit stays open before the gateway is probed.</summary>
    [Range(typeof(TimeSpan), "00:00:00.500", "00:10:00")]
    public TimeSpan OpenTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Calls that probe it, and must all succeed for the circuit to close.</summary>
    [Range(1, 100)]
    public int HalfOpenProbes { get; set; } = 1;

    /// <summary>How long after a payment was given up for never made its charge is looked for once more: longer than the gateway may
    /// take over a request.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LookAgainAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a payment may wait for the gateway before <c>/health</c> says so.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan UnhealthyAge { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>After that, nobody waits any more for a call that was stored: one may begin late by as long as it may last.</summary>
    internal TimeSpan LongestCall => 2 * AttemptTimeout;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (TotalTimeout <= AttemptTimeout)
            yield return new($"must be longer than AttemptTimeout ({AttemptTimeout})", [nameof(TotalTimeout)]);
        if (MaxRetryDelay < RetryDelay)
            yield return new($"must be at least RetryDelay ({RetryDelay})", [nameof(MaxRetryDelay)]);
    }
}
