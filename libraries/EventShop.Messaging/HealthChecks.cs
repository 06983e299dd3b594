using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>
/// The broker answers, JetStream works, and the streams this service publishes to are there. Degraded where one of them, or a consumer, is not as
/// defined.
/// </summary>
internal sealed class NatsHealthCheck(INatsConnection connection, INatsJSContext jetStream, Topology topology) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (connection.ConnectionState is not NatsConnectionState.Open)
            return HealthCheckResult.Unhealthy($"{BrokerUrl.WithoutCredentials(connection.Opts.Url)}: {connection.ConnectionState}");
        try
        {
            await jetStream.GetAccountInfoAsync(cancellationToken);
            if (topology.Trouble is { } trouble)
                return HealthCheckResult.Unhealthy(trouble);
            return topology.Differences is { } differences ? HealthCheckResult.Degraded(differences) : HealthCheckResult.Healthy();
        }
        catch (NatsException e)
        {
            return HealthCheckResult.Unhealthy($"JetStream does not answer: {e.Message}");
        }
    }
}

/// <summary>Every consumer of this service is consuming.</summary>
internal sealed class ConsumersHealthCheck(IEnumerable<Consumer> consumers) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var troubles = consumers.Where(c => c.Trouble is not null).Select(c => $"{c.Name}: {c.Trouble}").ToArray();
        return Task.FromResult(troubles.Length == 0
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Unhealthy(string.Join("; ", troubles)));
    }
}

/// <summary>What was committed reaches the broker in time, and the broker refuses none of it.</summary>
internal sealed class OutboxHealthCheck(OutboxKeeper keeper, OutboxOptions options, TimeProvider clock) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (keeper.Backlog is not { } backlog)
            return Task.FromResult(HealthCheckResult.Unhealthy("not read yet"));
        var age = backlog.Oldest is { } oldest ? clock.GetUtcNow() - oldest : TimeSpan.Zero;
        var description = $"{backlog.Unsent} unsent, oldest {Math.Max(0, age.TotalSeconds):0.0} s, {backlog.Parked} parked{(backlog.Scheduled > 0 ? $", {backlog.Scheduled} scheduled" : "")}";
        if (backlog.Parked > 0)
            description = $"{description} since {backlog.ParkedSince:yyyy-MM-dd'T'HH:mm:ss'Z'}: {backlog.ParkedFor}";
        return Task.FromResult(age > options.UnhealthyAge || backlog.Parked > 0
            ? HealthCheckResult.Unhealthy(description)
            : HealthCheckResult.Healthy(description));
    }
}
