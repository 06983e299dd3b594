using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Running;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>An AppHost's resources, ready to run.</summary>
public class DistributedApplication(IHost host) : IHost, IAsyncDisposable
{
    private bool disposed;

    public IServiceProvider Services => host.Services;
    public ResourceNotificationService ResourceNotifications => Services.GetRequiredService<ResourceNotificationService>();
    public ResourceCommandService ResourceCommands => Services.GetRequiredService<ResourceCommandService>();

    internal EntryPointSession? Session { get; init; }

    public static IDistributedApplicationBuilder CreateBuilder() => CreateBuilder([]);

    public static IDistributedApplicationBuilder CreateBuilder(string[] args) => new DistributedApplicationBuilder(args);

    public static IDistributedApplicationBuilder CreateBuilder(DistributedApplicationOptions options) =>
        new DistributedApplicationBuilder(options);

    /// <summary>Runs until Ctrl+C, SIGTERM, or the first crash: see <see cref="RunAsync"/>.</summary>
    public void Run() => RunAsync().GetAwaiter().GetResult();

    /// <summary>Starts everything, prints the resources' output and addresses, and returns when all has been stopped.</summary>
    /// <remarks>
    /// A resource that cannot start, or dies, is printed with its last lines, ends the run and makes the process's exit
    /// status 1. Under the testing builder the test owns start and stop, and this waits for it.
    /// </remarks>
    public virtual async Task RunAsync(CancellationToken cancellationToken = default)
    {
        if (Session is not null)
        {
            await Session.Ended.WaitAsync(cancellationToken);
            return;
        }
        await using (this)
            await new ConsoleRun(host).RunAsync(cancellationToken);
    }

    /// <summary>Starts everything; those that wait for others start in the background.</summary>
    public virtual Task StartAsync(CancellationToken cancellationToken = default) => host.StartAsync(cancellationToken);

    public virtual Task StopAsync(CancellationToken cancellationToken = default) => host.StopAsync(cancellationToken);

    public virtual void Dispose()
    {
        DisposeAsync().AsTask().GetAwaiter().GetResult();
        GC.SuppressFinalize(this);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (disposed)
            return;
        disposed = true;
        // Stopping is idempotent, and disposing of a running application must leave no process behind.
        await Services.GetRequiredService<Orchestrator>().StopAsync(CancellationToken.None);
        if (host is IAsyncDisposable asynchronous)
            await asynchronous.DisposeAsync();
        else
            host.Dispose();
        if (Session is not null)
            await Session.EndAsync();
        GC.SuppressFinalize(this);
    }
}
