using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;

namespace Aspire.NATS.Net;

/// <summary>
/// The state of the connection, which it makes when nobody has yet. It never pings and knows nothing of JetStream.
/// </summary>
internal sealed class NatsHealthCheck(INatsConnection connection) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        switch (connection.ConnectionState)
        {
            case NatsConnectionState.Open:
                return HealthCheckResult.Healthy();
            case NatsConnectionState.Connecting or NatsConnectionState.Reconnecting:
                return HealthCheckResult.Degraded("Connecting to NATS server...");
            case NatsConnectionState.Closed:
                try
                {
                    await connection.ConnectAsync().ConfigureAwait(false);
                    return HealthCheckResult.Healthy();
                }
                catch (Exception e)
                {
                    return HealthCheckResult.Unhealthy("Failed to connect to NATS server.", e);
                }

            default:
                return new HealthCheckResult(context.Registration.FailureStatus, "Unknown NATS connection state.");
        }
    }
}
