using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting.Running;

/// <summary>Starts and stops the processes of one project or executable, and tells its state.</summary>
internal sealed class ResourceRunner(IResource resource, EndpointPlan endpoints, LaunchPlan plan, Watchdog watchdog, IServiceProvider services)
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly ResourceNotificationService notifications = services.GetRequiredService<ResourceNotificationService>();
    private readonly ResourceLoggerService loggers = services.GetRequiredService<ResourceLoggerService>();
    private readonly IDistributedApplicationEventing eventing = services.GetRequiredService<IDistributedApplicationEventing>();
    private readonly TimeProvider time = services.GetRequiredService<TimeProvider>();
    private readonly SemaphoreSlim turn = new(1);
    private readonly List<TcpProxy> proxies = [];
    private ChildProcess[] children = [];
    private CancellationTokenSource stopping = new();
    private Task starting = Task.CompletedTask;

    public IResource Resource => resource;
    public EndpointPlan Endpoints => endpoints;

    /// <summary>Called when the resource could not start, or ended and nobody wanted it to.</summary>
    public Action<IResource, string>? Failed { get; init; }

    /// <summary>Begins to start: waiting for others, then launching. Its end shows in the resource's state.</summary>
    public void Start() => starting = StartAsync(stopping.Token);

    public async Task RestartAsync(CancellationToken ct)
    {
        await StopAsync();
        await turn.WaitAsync(ct);
        try
        {
            stopping = new CancellationTokenSource();
            Start();
        }
        finally
        {
            turn.Release();
        }
        await notifications.WaitForResourceAsync(
            resource.Name,
            e => e.Snapshot.State?.Text is { } s && (s == KnownResourceStates.Running || KnownResourceStates.TerminalStates.Contains(s)),
            ct);
    }

    public async Task StopAsync()
    {
        await turn.WaitAsync();
        try
        {
            await stopping.CancelAsync();
            await starting;
            if (children.Any(c => !c.Exited.IsCompleted))
                await notifications.PublishUpdateAsync(resource, s => IsOver(s) ? s : s with { State = KnownResourceStates.Stopping });
            await Task.WhenAll(children.Select(c => c.StopAsync(Grace)));
            foreach (var proxy in proxies)
                await proxy.DisposeAsync();
            proxies.Clear();
            await notifications.PublishUpdateAsync(
                resource, s => IsOver(s) ? s : s with { State = KnownResourceStates.Exited, StopTimeStamp = Now });
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task StartAsync(CancellationToken ct)
    {
        try
        {
            await notifications.PublishUpdateAsync(resource, s => s with
            {
                State = KnownResourceStates.Starting,
                ExitCode = null,
                StopTimeStamp = null,
                ResourceReadyEvent = null,
                HealthReports = [.. resource.Annotations.OfType<HealthCheckAnnotation>()
                    .Select(a => new HealthReportSnapshot(a.Key, null, null, null))],
            });
            if (resource is IResourceWithConnectionString)
                await eventing.PublishAsync(new ConnectionStringAvailableEvent(resource, services), ct);
            await eventing.PublishAsync(new BeforeResourceStartedEvent(resource, services), ct);
            await notifications.PublishUpdateAsync(resource, s => s with { State = KnownResourceStates.Starting });
            var commands = await plan.PrepareAsync(resource, endpoints, ct);
            CheckPorts();
            foreach (var (publicPort, targets) in endpoints.Proxies)
                proxies.Add(new TcpProxy(publicPort, targets));
            var urls = await Urls(ct);
            var instances = resource.InstanceNames();
            children = new ChildProcess[commands.Length];
            for (var i = 0; i < commands.Length; i++)
            {
                var (instance, shown) = (instances[i], commands.Length > 1 ? $"[{i + 1}] " : "");
                children[i] = ChildProcess.Start(
                    commands[i], watchdog, (line, isError) => loggers.Write(resource.Name, shown + line, isError));
                await notifications.PublishUpdateAsync(resource, instance, s => s with
                {
                    State = KnownResourceStates.Running,
                    StartTimeStamp = Now,
                    Urls = urls,
                });
                _ = FollowAsync(children[i], instance, ct);
            }
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            children = [.. children.Where(c => c is not null)];
            loggers.Write(resource.Name, $"Failed to start: {e.Message}", isError: true);
            await notifications.PublishUpdateAsync(resource, s => s with { State = KnownResourceStates.FailedToStart, StopTimeStamp = Now });
            Failed?.Invoke(resource, $"failed to start: {e.Message}");
        }
        catch (Exception)
        {
            // Whatever cut the start short, it is being stopped anyway: StopAsync ends what was launched.
            children = [.. children.Where(c => c is not null)];
        }
    }

    private void CheckPorts()
    {
        foreach (var (endpoint, port) in endpoints.FixedPorts)
            if (Ports.IsTaken(port))
                throw new DistributedApplicationException(Orchestrator.PortTaken(endpoint, port));
    }

    private async Task FollowAsync(ChildProcess child, string instance, CancellationToken ct)
    {
        var code = await child.Exited;
        var wanted = ct.IsCancellationRequested;
        var state = wanted ? KnownResourceStates.Exited : KnownResourceStates.Finished;
        ResourceEvent? stopped = null;
        await notifications.PublishUpdateAsync(resource, instance, s =>
        {
            s = s with { State = state, ExitCode = code, StopTimeStamp = Now };
            stopped = new ResourceEvent(resource, instance, s);
            return s;
        });
        await eventing.PublishAsync(
            new ResourceStoppedEvent(resource, services, stopped!), EventDispatchBehavior.NonBlockingSequential, CancellationToken.None);
        if (!wanted && !MayEndWith(code))
            Failed?.Invoke(resource, $"has died ({Signals.Describe(code)}).");
    }

    /// <summary>A job may end with the code others wait for, or with 0; something that serves others may not end at all.</summary>
    private bool MayEndWith(int code)
    {
        var waits = services.GetRequiredService<DistributedApplicationModel>().Resources
            .SelectMany(r => r.Annotations.OfType<WaitAnnotation>())
            .Where(w => w.Resource == resource && w.WaitType == WaitType.WaitForCompletion).ToArray();
        return waits.Length > 0
            ? waits.Any(w => w.ExitCode == code)
            : code == 0 && !resource.HasAnnotationOfType<EndpointAnnotation>();
    }

    private async Task<System.Collections.Immutable.ImmutableArray<UrlSnapshot>> Urls(CancellationToken ct)
    {
        List<ResourceUrlAnnotation> urls = [];
        if (resource is IResourceWithEndpoints withEndpoints)
            urls.AddRange(withEndpoints.GetEndpoints().Select(e => new ResourceUrlAnnotation { Url = e.Url, Endpoint = e }));
        urls.AddRange(resource.Annotations.OfType<ResourceUrlAnnotation>());
        var context = new ResourceUrlsCallbackContext(
            services.GetRequiredService<DistributedApplicationExecutionContext>(), resource, urls, ct);
        foreach (var callback in resource.Annotations.OfType<ResourceUrlsCallbackAnnotation>())
            await callback.Callback(context);
        return [.. context.Urls.Select(u => new UrlSnapshot(
            u.Endpoint?.EndpointName, u.Url, u.DisplayLocation == UrlDisplayLocation.DetailsOnly))];
    }

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    private static bool IsOver(CustomResourceSnapshot s) =>
        s.State?.Text is null || s.State.Text == KnownResourceStates.NotStarted
        || KnownResourceStates.TerminalStates.Contains(s.State.Text);
}
