using System.Threading.RateLimiting;
using Polly;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>The standard pipeline's rate limiter: 1,000 requests in flight, the next one is rejected at once.</summary>
internal sealed class ConcurrencyLimit : ResilienceStrategy<HttpResponseMessage>
{
    private readonly ConcurrencyLimiter limiter = new(new ConcurrencyLimiterOptions { PermitLimit = 1000, QueueLimit = 0 });

    protected override async ValueTask<Outcome<HttpResponseMessage>> ExecuteCore<TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<HttpResponseMessage>>> callback,
        ResilienceContext context,
        TState state)
    {
        using var permit = limiter.AttemptAcquire();
        return permit.IsAcquired
            ? await callback(context, state).ConfigureAwait(context.ContinueOnCapturedContext)
            : Outcome.FromException<HttpResponseMessage>(new Rejected());
    }

    internal sealed class Options : ResilienceStrategyOptions;

    private sealed class Rejected()
        : ExecutionRejectedException("The operation could not be executed because it was rejected by the rate limiter.");
}
