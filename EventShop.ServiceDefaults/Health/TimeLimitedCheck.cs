using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventShop.ServiceDefaults.Health;

/// <summary>
/// A check that hangs is a failed check: a probe gives up after a few seconds and would learn nothing of the others. The
/// framework's own timeout only asks the check to stop; this one also answers when it does not, or blocks its thread.
/// </summary>
internal sealed class TimeLimitedCheck(IHealthCheck check) : IHealthCheck
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    public static void Apply(HealthCheckRegistration registration)
    {
        var factory = registration.Factory;
        registration.Factory = services => new TimeLimitedCheck(factory(services));
    }

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken)
    {
        var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var result = Task.Run(() => check.CheckHealthAsync(context, limited.Token), CancellationToken.None);
        try
        {
            return await result.WaitAsync(Limit, cancellationToken);
        }
        catch (TimeoutException) when (!result.IsCompleted)
        {
            // Not waited for: what a check does when it is asked to stop may take as long as the check.
            _ = limited.CancelAsync();
            return HealthCheckResult.Unhealthy($"no answer within {Limit.TotalSeconds} s");
        }
    }
}
