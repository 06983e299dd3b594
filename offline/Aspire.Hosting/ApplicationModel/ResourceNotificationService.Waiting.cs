using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting.ApplicationModel;

public partial class ResourceNotificationService
{
    /// <summary>Returns when everything the resource waits for is as it wants it; its state is Waiting meanwhile.</summary>
    /// <exception cref="DistributedApplicationException">A dependency failed, or ended with another status.</exception>
    public async Task WaitForDependenciesAsync(IResource resource, CancellationToken cancellationToken)
    {
        WaitAnnotation[] waits = [.. resource.Annotations.OfType<WaitAnnotation>()
            .Where(w => w.Resource is not IResourceWithoutLifetime)];
        if (waits.Length == 0)
            return;
        await PublishUpdateAsync(resource, s => s with { State = KnownResourceStates.Waiting });
        await Task.WhenAll(waits.Select(w => WaitAsync(resource, w, cancellationToken)));
    }

    private async Task WaitAsync(IResource resource, WaitAnnotation wait, CancellationToken ct)
    {
        var dependency = wait.Resource;
        foreach (var id in dependency.InstanceNames())
        {
            var reached = await WaitForResourceAsync(dependency.Name, e => e.ResourceId == id && Reached(e, wait), ct);
            if (Failure(resource, reached, wait) is { } failure)
            {
                services.GetRequiredService<ResourceLoggerService>().Write(resource.Name, failure, isError: true);
                throw new DistributedApplicationException(failure);
            }
            if (wait.WaitType == WaitType.WaitUntilHealthy)
                await WaitUntilReady(reached, ct);
        }
    }

    private static bool Reached(ResourceEvent e, WaitAnnotation wait) => wait.WaitType switch
    {
        WaitType.WaitForCompletion => IsEnded(e),
        _ when IsUnavailable(e) => wait.WaitBehavior != WaitBehavior.WaitOnResourceUnavailable,
        WaitType.WaitUntilStarted => e.Snapshot.State?.Text == KnownResourceStates.Running,
        _ => IsHealthy(e),
    };

    private static string? Failure(IResource resource, ResourceEvent e, WaitAnnotation wait)
    {
        var (state, code) = (e.Snapshot.State?.Text, e.Snapshot.ExitCode);
        var prefix = $"Resource '{resource.Name}' stopped waiting for dependency resource '{wait.Resource.Name}' because it";
        if (state == KnownResourceStates.FailedToStart)
            return $"{prefix} failed to start.";
        if (!IsUnavailable(e))
            return null;
        if (wait.WaitType != WaitType.WaitForCompletion)
            return $"{prefix} entered the '{state}' state prematurely.";
        return code is null || code == wait.ExitCode
            ? null
            : $"{prefix} entered the '{state}' state with exit code '{code}', expected '{wait.ExitCode}'.";
    }

    private static bool IsEnded(ResourceEvent e) =>
        e.Snapshot.State?.Text is { } text && KnownResourceStates.TerminalStates.Contains(text);

    private async Task<ResourceEvent> WaitUntilReady(ResourceEvent healthy, CancellationToken ct)
    {
        var ready = await WaitForResourceAsync(
            healthy.Resource.Name,
            e => e.ResourceId == healthy.ResourceId && (e.Snapshot.ResourceReadyEvent is not null || IsEnded(e)), ct);
        if (ready.Snapshot.ResourceReadyEvent is { } handled)
            await handled.EventTask.WaitAsync(ct);
        return ready;
    }
}
