using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Running;

/// <summary>
/// Lets the testing builder step into an AppHost's own Main, which runs on a thread of its own: to change its options, to
/// hold it before it builds, and to take over start and stop.
/// </summary>
internal abstract class EntryPointSession
{
    private static readonly AsyncLocal<EntryPointSession?> Ambient = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static EntryPointSession? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>Done when the test has disposed of the application: Main may return from Run.</summary>
    public Task Ended => ended.Task;

    public abstract void Constructing(DistributedApplicationOptions options, HostApplicationBuilderSettings settings);

    public abstract void Constructed(DistributedApplicationBuilder builder);

    public abstract void Building(DistributedApplicationBuilder builder);

    public abstract void Built(DistributedApplication application);

    public virtual ValueTask EndAsync()
    {
        ended.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
