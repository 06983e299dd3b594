using System.Net;
using EventShop.Messaging;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace PaymentService;

/// <summary>Adds the gateway's client.</summary>
internal static class GatewayExtensions
{
    public static void AddGateway(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.GetValidated<GatewayOptions>("Gateway");
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(provider => Pipeline(options, provider.GetRequiredService<TimeProvider>()));
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

    private static ResiliencePipeline<HttpResponseMessage> Pipeline(GatewayOptions options, TimeProvider clock)
    {
        var failures = new PredicateBuilder<HttpResponseMessage>()
            .Handle<HttpRequestException>()
            .Handle<Polly.Timeout.TimeoutRejectedException>()
            .HandleResult(IsFailure);
        var builder = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = clock }.AddTimeout(options.TotalTimeout);
        if (options.Retries > 0)
            builder.AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                ShouldHandle = failures,
                MaxRetryAttempts = options.Retries,
                Delay = options.RetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                // The gateway knows better when to come again. (Null: the delay above.)
                DelayGenerator = retry => ValueTask.FromResult(RetryAfter(retry.Outcome.Result, clock)),
            });
        return builder
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions<HttpResponseMessage>
            {
                ShouldHandle = failures,
                FailureRatio = options.FailureRatio,
                MinimumThroughput = options.MinimumThroughput,
                SamplingDuration = options.SamplingDuration,
                BreakDuration = options.BreakDuration,
            })
            .AddTimeout(options.AttemptTimeout)
            .Build();
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage? response, TimeProvider clock) => response?.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > clock.GetUtcNow() => date - clock.GetUtcNow(),
        _ => null,
    };

    /// <summary>Not an answer: a decline is one, and so is a refusal.</summary>
    public static bool IsFailure(HttpResponseMessage response) =>
        response.StatusCode is >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests
            or HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict;
}
