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
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(Limit);
        var result = Task.Run(() => check.CheckHealthAsync(context, limited.Token), CancellationToken.None);
        try
        {
            return await result.WaitAsync(limited.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return HealthCheckResult.Unhealthy($"no answer within {Limit.TotalSeconds} s");
        }
    }
}
