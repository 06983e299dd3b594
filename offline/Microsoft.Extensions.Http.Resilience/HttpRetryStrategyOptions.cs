using Polly;
using Polly.Retry;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>Retries of requests: 3 more attempts, exponential from 2 s with jitter, or as Retry-After says.</summary>
public class HttpRetryStrategyOptions : RetryStrategyOptions<HttpResponseMessage>
{
    /// <summary>Every transient outcome is retried, whatever the method.</summary>
    public HttpRetryStrategyOptions()
    {
        ShouldHandle = args => new ValueTask<bool>(
            HttpClientResiliencePredicates.IsTransient(args.Outcome)
            || HttpClientResiliencePredicates.IsConnectionTimeout(args.Outcome, args.Context.CancellationToken));
        BackoffType = DelayBackoffType.Exponential;
        UseJitter = true;
        ShouldRetryAfterHeader = true;
    }

    /// <summary>Whether an answer's Retry-After replaces the computed delay. Default true.</summary>
    public bool ShouldRetryAfterHeader
    {
        get;
        set
        {
            field = value;
            DelayGenerator = value ? args => new ValueTask<TimeSpan?>(RetryAfter(args.Outcome.Result)) : null;
        }
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage? response)
    {
        var header = response?.Headers.RetryAfter;
        var delay = header?.Date is { } date ? date - TimeProvider.System.GetUtcNow() : header?.Delta;
        return delay < TimeSpan.Zero ? TimeSpan.Zero : delay;
    }
}
