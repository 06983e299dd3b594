using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>A time limit.</summary>
public class HttpTimeoutStrategyOptions : TimeoutStrategyOptions
{
}

/// <summary>Opens when 10 % of at least 100 requests in 30 s failed transiently; stays open for 5 s.</summary>
public class HttpCircuitBreakerStrategyOptions : CircuitBreakerStrategyOptions<HttpResponseMessage>
{
    /// <summary>Counts every transient outcome as a failure.</summary>
    public HttpCircuitBreakerStrategyOptions()
        => ShouldHandle = args => new ValueTask<bool>(HttpClientResiliencePredicates.IsTransient(args.Outcome));
}

/// <summary>The standard pipeline's settings, from the outermost to the innermost strategy after the rate limiter.</summary>
public class HttpStandardResilienceOptions
{
    /// <summary>For all attempts together. Default 30 s.</summary>
    public HttpTimeoutStrategyOptions TotalRequestTimeout { get; set; } = new() { Name = "Standard-TotalRequestTimeout" };

    /// <summary>Default: 3 more attempts.</summary>
    public HttpRetryStrategyOptions Retry { get; set; } = new() { Name = "Standard-Retry" };

    /// <summary>Its sampling duration is at least twice the attempt timeout.</summary>
    public HttpCircuitBreakerStrategyOptions CircuitBreaker { get; set; } = new() { Name = "Standard-CircuitBreaker" };

    /// <summary>For one attempt. Default 10 s.</summary>
    public HttpTimeoutStrategyOptions AttemptTimeout { get; set; } = new()
    {
        Name = "Standard-AttemptTimeout",
        Timeout = TimeSpan.FromSeconds(10),
    };
}
