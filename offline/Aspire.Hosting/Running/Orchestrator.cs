using System.Reflection;
using System.Threading.Channels;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Running;

/// <summary>Starts all resources as their dependencies allow, and stops them in the reverse order.</summary>
internal sealed class Orchestrator : IHostedService, IAsyncDisposable
{
    private readonly IServiceProvider services;
    private readonly Assembly? appHost;
    private readonly Watchdog watchdog = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly Dictionary<IResource, ResourceRunner> runners = [];
    private readonly Channel<(IResource, string)> failures = Channel.CreateUnbounded<(IResource, string)>();
    private DistributedApplicationModel? model;

    public Orchestrator(IServiceProvider services, Assembly? appHost)
    {
        this.services = services;
        this.appHost = appHost;
        Commands = new ResourceCommandService(
            services, services.GetRequiredService<ResourceLoggerService>(),
            id => Model.Resources.FirstOrDefault(r => r.Name == id || r.InstanceNames().Contains(id)), ExecuteAsync);
    }

    public ResourceCommandService Commands { get; }

    /// <summary>The resources that failed to start or died, and how.</summary>
    public ChannelReader<(IResource Resource, string What)> Failures => failures.Reader;

    /// <summary>The resources that are started without being asked.</summary>
    public IReadOnlyList<IResource> Started =>
        [.. runners.Keys.Where(r => !r.HasAnnotationOfType<ExplicitStartupAnnotation>())];

    private DistributedApplicationModel Model => model ??= services.GetRequiredService<DistributedApplicationModel>();
    private IDistributedApplicationEventing Eventing => services.GetRequiredService<IDistributedApplicationEventing>();
    private ResourceNotificationService Notifications => services.GetRequiredService<ResourceNotificationService>();

    public static string PortTaken(string endpoint, int port) =>
        $"port {port} (endpoint '{endpoint}') is already in use. Stop what listens there, or give the endpoint another port: " +
        "in the project's Properties/launchSettings.json, in the AppHost, or in its configuration.";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        Check();
        Eventing.Subscribe<BeforeResourceStartedEvent>(
            (e, ct) => Notifications.WaitForDependenciesAsync(e.Resource, ct));
        await Eventing.PublishAsync(new BeforeStartEvent(services, Model), cancellationToken);
        Prepare();
        foreach (var runner in runners.Values)
            await Eventing.PublishAsync(new ResourceEndpointsAllocatedEvent(runner.Resource, services), cancellationToken);
        foreach (var resource in Model.Resources)
            await Initialize(resource);
        foreach (var resource in Started)
            runners[resource].Start();
        await Eventing.PublishAsync(new AfterResourcesCreatedEvent(services, Model), cancellationToken);
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        var stops = new Dictionary<IResource, Task>();
        await Task.WhenAll(runners.Keys.Select(Stop));

        // Whoever waited for this resource at start is stopped before it.
        Task Stop(IResource resource) =>
            stops.TryGetValue(resource, out var stop) ? stop : stops[resource] = StopAfterDependents(resource);

        async Task StopAfterDependents(IResource resource)
        {
            await Task.WhenAll(runners.Keys.Where(r => r != resource && WaitsFor(r, resource, [])).Select(Stop));
            await runners[resource].StopAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(CancellationToken.None);
        watchdog.Dispose();
    }

    private static bool WaitsFor(IResource resource, IResource dependency, HashSet<IResource> seen) =>
        seen.Add(resource) && resource.Annotations.OfType<WaitAnnotation>()
            .Any(w => w.Resource == dependency || WaitsFor(w.Resource, dependency, seen));

    private void Check()
    {
        if (services.GetRequiredService<DistributedApplicationExecutionContext>().IsPublishMode)
            throw new DistributedApplicationException("Publishing needs the real Aspire packages: these stand-ins only run.");
        var containers = Model.Resources.OfType<ContainerResource>().Select(c => $"'{c.Name}'").ToArray();
        if (containers.Length > 0)
            throw new DistributedApplicationException(
                $"These stand-ins for Aspire run projects and executables, not containers ({string.Join(", ", containers)}). " +
                "Set Infrastructure__Mode=Local to run NATS and PostgreSQL as local processes, or build with the real Aspire packages.");
    }

    private void Prepare()
    {
        var randomize = services.GetRequiredService<IConfiguration>().GetValue("DcpPublisher:RandomizePorts", false);
        var plan = new LaunchPlan(
            services.GetRequiredService<DistributedApplicationExecutionContext>(),
            services.GetRequiredService<ResourceLoggerService>(), appHost);
        foreach (var resource in Model.Resources)
        {
            if (resource is not (ExecutableResource or ProjectResource))
                continue;
            resource.Annotations.Add(new Instances([.. Enumerable.Range(0, resource.GetReplicaCount())
                .Select(_ => $"{resource.Name}-{Random.Shared.GetHexString(8, lowercase: true)}")]));
            var endpoints = EndpointAllocator.Allocate(resource, randomize);
            runners[resource] = new ResourceRunner(resource, endpoints, plan, watchdog, services)
            {
                Failed = (failing, what) => failures.Writer.TryWrite((failing, what)),
            };
        }
        // All at once, before anything runs: each conflict found by a crash would cost the user another start.
        var taken = Started.SelectMany(r => runners[r].Endpoints.FixedPorts.Where(p => Ports.IsTaken(p.Port))
            .Select(p => $"{r.Name}: {PortTaken(p.Endpoint, p.Port)}")).ToArray();
        if (taken.Length > 0)
            throw new DistributedApplicationException(string.Join(Environment.NewLine, taken));
    }

    private async Task Initialize(IResource resource)
    {
        var waitsForUser = runners.ContainsKey(resource) && resource.HasAnnotationOfType<ExplicitStartupAnnotation>();
        await Notifications.PublishUpdateAsync(
            resource, s => waitsForUser ? s with { State = KnownResourceStates.NotStarted } : s);
        await Eventing.PublishAsync(
            new InitializeResourceEvent(
                resource, Eventing, services.GetRequiredService<ResourceLoggerService>(), Notifications, services),
            EventDispatchBehavior.NonBlockingSequential, stopping.Token);
    }

    private async Task<ExecuteCommandResult?> ExecuteAsync(IResource resource, string command, CancellationToken ct)
    {
        if (!runners.TryGetValue(resource, out var runner))
            return null;
        if (command == KnownResourceCommands.StopCommand)
            await runner.StopAsync();
        else if (command == KnownResourceCommands.StartCommand || command == KnownResourceCommands.RestartCommand)
            await runner.RestartAsync(ct);
        else
            return null;
        return CommandResults.Success();
    }
}
