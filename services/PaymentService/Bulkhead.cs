using System.Threading.RateLimiting;
using Polly;

namespace PaymentService;

/// <summary>Lets a number of calls run at one time; further ones wait their turn, for as long as their caller does.</summary>
internal sealed class Bulkhead(int maxConcurrentCalls) : ResilienceStrategy<GatewayAnswer>
{
    private readonly ConcurrencyLimiter _limiter = new(new() { PermitLimit = maxConcurrentCalls, QueueLimit = int.MaxValue });

    protected override async ValueTask<Outcome<GatewayAnswer>> ExecuteCore<TState>(
        Func<ResilienceContext, TState, ValueTask<Outcome<GatewayAnswer>>> callback, ResilienceContext context, TState state)
    {
        try
        {
            using var lease = await _limiter.AcquireAsync(1, context.CancellationToken).ConfigureAwait(context.ContinueOnCapturedContext);
            return await callback(context, state).ConfigureAwait(context.ContinueOnCapturedContext);
        }
        catch (OperationCanceledException e)
        {
            return Outcome.FromException<GatewayAnswer>(e);
        }
    }
}
