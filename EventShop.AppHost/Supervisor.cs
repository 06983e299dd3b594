using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.AppHost;

/// <summary>
/// Does what a container platform does: starts again what died, and at the end stops the services before what they stand on, which the
/// orchestrator alone would stop at the same moment.
/// </summary>
internal sealed partial class Supervisor(
    DistributedApplicationModel model, ResourceNotificationService notifications, ResourceCommandService commands, IConfiguration configuration,
    TimeProvider clock, ILogger<Supervisor> logger) : BackgroundService
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(30);

    /// <summary>What has lived this long has not died of its start.</summary>
    private static readonly TimeSpan Stable = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Each after all that wait for it; then the orchestrator stops what is left. Hosted services stop in the reverse order of their
    /// registration, and this is one of the last: the orchestrator still works.
    /// </summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        var stops = new Dictionary<IResource, Task>();
        await Task.WhenAll(model.Resources.Select(StopAsync));

        Task StopAsync(IResource resource) => stops.TryGetValue(resource, out var stop) ? stop : stops[resource] = StopAfterDependentsAsync(resource);

        async Task StopAfterDependentsAsync(IResource resource)
        {
            await Task.WhenAll(model.Resources.Where(other => WaitsFor(other, resource)).Select(StopAsync));
            if (IsProcess(resource) && State(resource) == KnownResourceStates.Running)
            {
                await commands.ExecuteCommandAsync(resource, KnownResourceCommands.StopCommand, cancellationToken);
            }
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        // In an IDE's debugging session it is the IDE that starts and stops the services.
        configuration["DEBUG_SESSION_PORT"] is null
            ? Task.WhenAll(model.Resources.Where(IsProcess).Select(resource => KeepRunningAsync(resource, stoppingToken)))
            : Task.CompletedTask;

    private async Task KeepRunningAsync(IResource resource, CancellationToken stoppingToken)
    {
        var (delay, started) = (FirstDelay, clock.GetTimestamp());
        while (true)
        {
            var change = await notifications.WaitForResourceAsync(
                resource.Name, e => e.Snapshot.State?.Text is var state && (state == KnownResourceStates.Stopping || IsDown(state)), stoppingToken);
            if (!IsDown(change.Snapshot.State?.Text))
            {
                // By a command: it stays down until another command starts it.
                await notifications.WaitForResourceAsync(resource.Name, KnownResourceStates.Running, stoppingToken);
                continue;
            }

            delay = clock.GetElapsedTime(started) > Stable ? FirstDelay : delay;
            LogDied(resource.Name, change.Snapshot.State?.Text, change.Snapshot.ExitCode, delay.TotalSeconds);
            await Task.Delay(delay, clock, stoppingToken);
            if (IsDown(State(resource)))
            {
                await commands.ExecuteCommandAsync(resource, KnownResourceCommands.StartCommand, stoppingToken);
            }

            (delay, started) = (delay * 2 < LongestDelay ? delay * 2 : LongestDelay, clock.GetTimestamp());
        }
    }

    private string? State(IResource resource) => notifications.TryGetCurrentState(resource.Name, out var now) ? now.Snapshot.State?.Text : null;

    private static bool WaitsFor(IResource other, IResource resource) =>
        other.Annotations.OfType<WaitAnnotation>().Any(wait => wait.Resource == resource) || (other as IResourceWithParent)?.Parent == resource;

    /// <summary>What the orchestrator runs for the shop, and not, as a build, only when it is asked to.</summary>
    private static bool IsProcess(IResource resource) =>
        resource is ProjectResource or ExecutableResource or ContainerResource && !resource.HasAnnotationOfType<ExplicitStartupAnnotation>();

    private static bool IsDown(string? state) => KnownResourceStates.TerminalStates.Contains(state);

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "{Resource} is down ({State}, exit code {ExitCode}): it is started again in {Delay} s")]
    private partial void LogDied(string resource, string? state, int? exitCode, double delay);
}
