using System.Collections.Immutable;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Running;

/// <summary>Runs the health checks of what is running, and announces each resource once when it is ready.</summary>
internal sealed class HealthMonitor(
    ResourceNotificationService notifications, HealthCheckService checks, IDistributedApplicationEventing eventing,
    IServiceProvider services, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan HealthyInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var monitored = new Dictionary<IResource, CancellationTokenSource>();
        try
        {
            await foreach (var e in notifications.WatchAsync(stoppingToken))
            {
                var running = e.Resource.InstanceNames().Any(
                    id => notifications.TryGetCurrentState(id, out var now) && now.Snapshot.State?.Text == KnownResourceStates.Running);
                if (running && !monitored.ContainsKey(e.Resource))
                {
                    var stop = monitored[e.Resource] = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                    _ = MonitorAsync(e.Resource, stop.Token);
                }
                else if (!running && monitored.Remove(e.Resource, out var stop))
                    await stop.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // The AppHost stops, and with this token every monitor.
        }
    }

    private async Task MonitorAsync(IResource resource, CancellationToken ct)
    {
        var keys = resource.Annotations.OfType<HealthCheckAnnotation>().Select(a => a.Key).ToHashSet();
        var (ready, failures) = (false, 0);
        try
        {
            while (true)
            {
                var healthy = keys.Count == 0 || await CheckAsync(resource, keys, ct);
                failures = healthy ? 0 : failures + 1;
                if (healthy && !ready)
                {
                    ready = true;
                    await AnnounceAsync(resource, ct);
                }
                if (keys.Count == 0)
                    return;
                var pause = healthy ? HealthyInterval : FirstInterval * Math.Min(failures, LongestInterval / FirstInterval);
                await Task.Delay(pause, time, ct);
            }
        }
        catch (OperationCanceledException)
        {
            // The resource has ended.
        }
    }

    private async Task<bool> CheckAsync(IResource resource, HashSet<string> keys, CancellationToken ct)
    {
        ImmutableArray<HealthReportSnapshot> reports;
        try
        {
            var report = await checks.CheckHealthAsync(r => keys.Contains(r.Name), ct);
            var now = time.GetUtcNow().UtcDateTime;
            reports = [.. keys.Select(key => report.Entries.TryGetValue(key, out var entry)
                ? new HealthReportSnapshot(key, entry.Status, entry.Description, entry.Exception?.Message) { LastRunAt = now }
                : new HealthReportSnapshot(key, HealthStatus.Unhealthy, $"No health check '{key}' is registered.", null))];
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // A check that cannot even be created says nothing good about the resource.
            reports = [.. keys.Select(key => new HealthReportSnapshot(key, HealthStatus.Unhealthy, e.Message, e.ToString()))];
        }
        ct.ThrowIfCancellationRequested();
        await notifications.PublishUpdateAsync(resource, s => s with { HealthReports = reports });
        return reports.All(r => r.Status == HealthStatus.Healthy);
    }

    private async Task AnnounceAsync(IResource resource, CancellationToken ct)
    {
        // Who waits for the resource also waits for these handlers, and sees their exception.
        var handled = eventing.PublishAsync(new ResourceReadyEvent(resource, services), ct);
        await handled.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await notifications.PublishUpdateAsync(resource, s => s with { ResourceReadyEvent = new EventSnapshot(handled) });
    }
}
