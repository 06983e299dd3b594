using Microsoft.Extensions.Diagnostics.HealthChecks;
using Polly.CircuitBreaker;

namespace PaymentService;

/// <summary>An open circuit is no reason to send requests elsewhere: payments are late, and what is stored can still be read.</summary>
internal sealed class GatewayHealthCheck(GatewayCircuit circuit) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(circuit.Read() switch
        {
            (CircuitState.Closed, _) => HealthCheckResult.Healthy("circuit closed"),
            (CircuitState.HalfOpen, var reason) => HealthCheckResult.Degraded($"circuit half open after: {reason}"),
            (_, var reason) => HealthCheckResult.Degraded($"circuit open, payments wait: {reason}"),
        });
}
