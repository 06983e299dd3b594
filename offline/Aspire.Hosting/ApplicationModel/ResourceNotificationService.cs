using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A resource's new state; <see cref="ResourceId"/> tells replicas apart.</summary>
public class ResourceEvent(IResource resource, string resourceId, CustomResourceSnapshot snapshot)
{
    public IResource Resource { get; } = resource;
    public string ResourceId { get; } = resourceId;
    public CustomResourceSnapshot Snapshot { get; } = snapshot;
}

/// <summary>The state of every resource, to publish, watch and wait for.</summary>
public partial class ResourceNotificationService : IDisposable
{
    private readonly IServiceProvider services;
    private readonly ConcurrentDictionary<string, State> states = new(StringComparer.OrdinalIgnoreCase);
    private readonly CancellationTokenSource disposing = new();
    private readonly Lock watching = new();
    private Action<ResourceEvent>? updated;

    internal ResourceNotificationService(IServiceProvider services) => this.services = services;

    /// <summary>Waits for a state, by default Running; forever, unless the token ends it.</summary>
    public Task WaitForResourceAsync(
        string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        WaitForResourceAsync(
            resourceName, [string.IsNullOrEmpty(targetState) ? KnownResourceStates.Running : targetState], cancellationToken);

    public async Task<string> WaitForResourceAsync(
        string resourceName, IEnumerable<string> targetStates, CancellationToken cancellationToken = default)
    {
        string[] states = [.. targetStates];
        var reached = await WaitForResourceAsync(
            resourceName,
            e => e.Snapshot.State?.Text is { } text && states.Contains(text, StringComparer.OrdinalIgnoreCase),
            cancellationToken);
        return reached.Snapshot.State!.Text;
    }

    public async Task<ResourceEvent> WaitForResourceAsync(
        string resourceName, Func<ResourceEvent, bool> predicate, CancellationToken cancellationToken = default)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, disposing.Token);
        try
        {
            await foreach (var e in WatchAsync(stop.Token))
                if (string.Equals(e.Resource.Name, resourceName, StringComparison.OrdinalIgnoreCase) && predicate(e))
                    return e;
        }
        catch (OperationCanceledException e)
        {
            var state = TryGetCurrentState(resourceName, out var last) ? last.Snapshot.State?.Text : "unknown";
            throw new OperationCanceledException(
                $"Stopped waiting for the resource '{resourceName}': its state is '{state}'.", e, e.CancellationToken);
        }
        throw new OperationCanceledException($"Stopped waiting for the resource '{resourceName}'.");
    }

    public Task<ResourceEvent> WaitForResourceHealthyAsync(
        string resourceName, CancellationToken cancellationToken = default) =>
        WaitForResourceHealthyAsync(resourceName, WaitBehavior.StopOnResourceUnavailable, cancellationToken);

    /// <summary>Waits until the resource is healthy and its ready event was handled.</summary>
    /// <exception cref="DistributedApplicationException">It does not exist, or it ended instead.</exception>
    public async Task<ResourceEvent> WaitForResourceHealthyAsync(
        string resourceName, WaitBehavior waitBehavior, CancellationToken cancellationToken = default)
    {
        var stopOnFailure = waitBehavior == WaitBehavior.StopOnResourceUnavailable;
        if (stopOnFailure && !services.GetRequiredService<DistributedApplicationModel>().Resources.TryGetByName(resourceName, out _))
            throw new DistributedApplicationException(
                $"Stopped waiting for resource '{resourceName}' to become healthy because it does not exist in the application model.");
        var healthy = await WaitForResourceAsync(
            resourceName, e => IsHealthy(e) || (stopOnFailure && IsUnavailable(e)), cancellationToken);
        if (!IsHealthy(healthy))
            throw new DistributedApplicationException(
                $"Stopped waiting for resource '{resourceName}' to become healthy because it failed to start.");
        return await WaitUntilReady(healthy, cancellationToken);
    }

    /// <summary>The state of one instance, or of a resource that has one instance only.</summary>
    public bool TryGetCurrentState(string resourceId, [NotNullWhen(true)] out ResourceEvent? resourceEvent)
    {
        resourceEvent = null;
        if (!states.TryGetValue(resourceId, out var state))
        {
            var named = states.Values
                .Where(s => string.Equals(s.Resource.Name, resourceId, StringComparison.OrdinalIgnoreCase)).Take(2).ToArray();
            if (named.Length != 1)
                return false;
            state = named[0];
        }
        if (state.Last is not { } snapshot)
            return false;
        resourceEvent = new ResourceEvent(state.Resource, state.Id, snapshot);
        return true;
    }

    /// <summary>The last state of each resource, then every change.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateUnbounded<ResourceEvent>();
        void Write(ResourceEvent e) => channel.Writer.TryWrite(e);
        lock (watching)
            updated += Write;
        try
        {
            var seen = new Dictionary<string, long>();
            foreach (var state in states.Values)
                if (state.Last is { } snapshot)
                {
                    seen[state.Id] = snapshot.Version;
                    yield return new ResourceEvent(state.Resource, state.Id, snapshot);
                }
            await foreach (var e in channel.Reader.ReadAllAsync(cancellationToken))
                if (!seen.TryGetValue(e.ResourceId, out var version) || e.Snapshot.Version > version)
                    yield return e;
        }
        finally
        {
            lock (watching)
                updated -= Write;
        }
    }

    public Task PublishUpdateAsync(
        IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        var state = states.GetOrAdd(resourceId, id => new State(id, resource));
        lock (state)
        {
            var next = stateFactory(state.Last ?? Initial(resource)) with { Version = ++state.Version };
            state.Last = next;
            updated?.Invoke(new ResourceEvent(resource, resourceId, next));
        }
        return Task.CompletedTask;
    }

    /// <summary>Publishes for every instance of the resource.</summary>
    public async Task PublishUpdateAsync(
        IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        foreach (var id in resource.InstanceNames())
            await PublishUpdateAsync(resource, id, stateFactory);
    }

    public void Dispose()
    {
        disposing.Cancel();
        GC.SuppressFinalize(this);
    }

    private static CustomResourceSnapshot Initial(IResource resource) =>
        resource.TryGetLastAnnotation<ResourceSnapshotAnnotation>(out var initial)
            ? initial.InitialSnapshot
            : new CustomResourceSnapshot
            {
                ResourceType = resource.GetType().Name.Replace("Resource", "", StringComparison.Ordinal),
                Properties = [],
                Relationships = [.. resource.Annotations.OfType<ResourceRelationshipAnnotation>()
                    .Select(r => new RelationshipSnapshot(r.Resource.Name, r.Type))],
            };

    private static bool IsHealthy(ResourceEvent e) => e.Snapshot.HealthStatus == HealthStatus.Healthy;

    private static bool IsUnavailable(ResourceEvent e) => e.Snapshot.State?.Text is { } text &&
        (KnownResourceStates.TerminalStates.Contains(text) || text == KnownResourceStates.RuntimeUnhealthy);

    private sealed class State(string id, IResource resource)
    {
        public string Id => id;
        public IResource Resource => resource;
        public long Version { get; set; }
        public CustomResourceSnapshot? Last { get; set; }
    }
}
