using System.Net;
using EventShop.Messaging;
using Polly;
using Polly.Retry;

namespace PaymentService;

/// <summary>Adds the gateway's client.</summary>
internal static class GatewayExtensions
{
    public static void AddGateway(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.GetValidated<GatewayOptions>("Gateway");
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton<GatewayCircuit>();
        builder.Services.AddHealthChecks().AddCheck<GatewayHealthCheck>("payment-gateway");
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
            .RemoveAllResilienceHandlers();
#pragma warning restore EXTEXP0001
    }

    private static ResiliencePipeline<HttpResponseMessage> Pipeline(GatewayOptions options, GatewayCircuit circuit, TimeProvider clock)
    {
        var builder = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = clock }.AddTimeout(options.TotalTimeout);
        if (options.Retries > 0)
            builder.AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                // Every call carries a key or reads only: each may be repeated. 409: the same key is just being worked on.
                ShouldHandle = attempt => ValueTask.FromResult(
                    attempt.Outcome.Result is { StatusCode: HttpStatusCode.Conflict } || GatewayFailure.Of(attempt.Outcome) is not null),
                MaxRetryAttempts = options.Retries,
                Delay = options.RetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                // The gateway knows better when to come again. (Null: the delay above.)
                DelayGenerator = retry => ValueTask.FromResult(RetryAfter(retry.Outcome.Result, clock)),
            });
        return builder
            .AddStrategy(_ => new Bulkhead(options.MaxConcurrentCalls))
            .AddStrategy(_ => circuit)
            .AddTimeout(options.AttemptTimeout)
            .Build();
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage? response, TimeProvider clock) => response?.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > clock.GetUtcNow() => date - clock.GetUtcNow(),
        _ => null,
    };
}
