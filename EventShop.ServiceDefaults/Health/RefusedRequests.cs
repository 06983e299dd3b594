using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventShop.ServiceDefaults.Health;

/// <summary>
/// No request is refused for something that is away. Whatever it is (a table that is locked, a right that was taken), and whatever else is well:
/// who looks at <c>/health</c> learns that requests do not get through, and why.
/// </summary>
internal sealed class RefusedRequests(TimeProvider clock) : IHealthCheck
{
    /// <summary>So long without a refusal, and it is over.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    /// <summary>A connection that was cut costs a request or two.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private long _first;
    private long _last;
    private string? _reason;

    public void Note(string reason)
    {
        lock (_lock)
        {
            var now = clock.GetTimestamp();
            if (_reason is null || clock.GetElapsedTime(_last, now) > Pause)
            {
                _first = now;
            }

            (_last, _reason) = (now, reason);
        }
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return Task.FromResult(_reason is not null && clock.GetElapsedTime(_last) < Pause && clock.GetElapsedTime(_first, _last) > Patience
                ? HealthCheckResult.Unhealthy($"requests are refused: {_reason}")
                : HealthCheckResult.Healthy());
        }
    }
}
