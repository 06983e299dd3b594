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
