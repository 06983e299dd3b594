using System.Reflection;
using Aspire.Hosting.Running;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>Runs an AppHost's Main on a thread of its own, held at Build() until the test wants it built.</summary>
internal sealed class AppHostEntryPoint(
    Assembly appHost, string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure)
    : EntryPointSession, IAsyncDisposable
{
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(10);
    private readonly TaskCompletionSource<DistributedApplicationBuilder> builder = NewSource<DistributedApplicationBuilder>();
    private readonly TaskCompletionSource<DistributedApplication> application = NewSource<DistributedApplication>();
    private readonly TaskCompletionSource exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim mayBuild = new();
    private bool abandoned;

    public Task<DistributedApplicationBuilder> StartAsync(CancellationToken ct)
    {
        var main = appHost.EntryPoint
            ?? throw new InvalidOperationException($"The assembly '{appHost.GetName().Name}' does not have an entry point.");
        var previous = Current;
        Current = this;
        new Thread(() => Run(main)) { IsBackground = true, Name = $"{appHost.GetName().Name} entry point" }.Start();
        Current = previous;
        return builder.Task.WaitAsync(ct);
    }

    public Task<DistributedApplication> BuildAsync(CancellationToken ct)
    {
        mayBuild.Set();
        return application.Task.WaitAsync(ct);
    }

    public override void Constructing(DistributedApplicationOptions options, HostApplicationBuilderSettings settings)
    {
        TestingDefaults.Apply(options, settings, args, appHost);
        configure(options, settings);
    }

    public override void Constructed(DistributedApplicationBuilder builder) => builder.Services.AddHttpClient();

    public override void Building(DistributedApplicationBuilder builder)
    {
        this.builder.TrySetResult(builder);
        mayBuild.Wait();
        if (abandoned)
            throw new OperationCanceledException("The test has disposed of the builder.");
    }

    public override void Built(DistributedApplication application) => this.application.TrySetResult(application);

    public override async ValueTask EndAsync()
    {
        await base.EndAsync();
        await Task.WhenAny(exited.Task, Task.Delay(ExitPatience));
    }

    public async ValueTask DisposeAsync()
    {
        if (application.Task.IsCompletedSuccessfully)
        {
            await application.Task.Result.DisposeAsync();
            return;
        }
        abandoned = true;
        mayBuild.Set();
        await EndAsync();
    }

    private void Run(MethodInfo main)
    {
        Exception failure = new InvalidOperationException("The entry point exited without ever building an application.");
        try
        {
            var result = main.Invoke(null, main.GetParameters().Length == 0 ? null : [args]);
            if (result is Task task)
                task.GetAwaiter().GetResult();
        }
        catch (TargetInvocationException e)
        {
            failure = e.InnerException ?? e;
        }
        catch (Exception e)
        {
            failure = e;
        }
        builder.TrySetException(failure);
        application.TrySetException(failure);
        // Nobody may be waiting for the second of the two any more.
        _ = application.Task.Exception;
        _ = builder.Task.Exception;
        exited.TrySetResult();
    }

    private static TaskCompletionSource<T> NewSource<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
