using System.Text.Json;

namespace EventShop.AppHost;

/// <summary>NATS, PostgreSQL, Jaeger and Prometheus as containers, of the images that deploy/compose.yaml has too.</summary>
internal sealed class ContainerInfrastructure(IDistributedApplicationBuilder builder, DataFolder data) : IInfrastructure
{
    private const string TargetsFolder = "/etc/prometheus-targets";

    public int Replicas => 1;

    public DataFolder? Data => data;

    public IResourceBuilder<IResourceWithConnectionString> AddNats(string name) => builder.AddNats(name)
        .WithImageTag("2.15.1-alpine")
        .WithJetStream()
        .WithDataVolume()
        // Arguments of our own replace those of the image, and with them its monitoring port.
        .WithArgs("-m", "8222")
        .WithHttpEndpoint(targetPort: 8222, name: NatsMonitor.Endpoint)
        .WithMonitor();

    public DatabaseServer AddPostgres(string name)
    {
        var server = builder.AddPostgres(name).WithImageTag("18.3").WithDataVolume();
        return new DatabaseServer(database => server.AddDatabase(database));
    }

    public EndpointReference AddJaeger(string name) => builder.AddContainer(name, "jaegertracing/jaeger", "2.20.0")
        .WithHttpEndpoint(port: 16686, targetPort: 16686, name: "ui")
        .WithEndpoint(targetPort: 4317, scheme: "http", name: "otlp")
        .WithUrlForEndpoint("ui", url => url.DisplayText = "Jaeger")
        .WithUrlForEndpoint("otlp", url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly)
        .WithIconName("Flowchart")
        .GetEndpoint("otlp");

    public void AddPrometheus(string name, params IReadOnlyList<IResourceBuilder<ProjectResource>> services)
    {
        var prometheus = builder.AddContainer(name, "prom/prometheus", "v3.5.0")
            .WithBindMount("../deploy/observability", "/etc/prometheus", isReadOnly: true)
            .WithHttpEndpoint(port: 9090, targetPort: 9090, name: "ui")
            .WithUrlForEndpoint("ui", url => url.DisplayText = "Prometheus")
            .WithIconName("DataTrending");
        foreach (var service in services)
        {
            // The reference is what makes the service reachable from a container: the orchestrator listens on 127.0.0.1 only.
            prometheus.WithReference(service.GetEndpoint("http"));
        }

        prometheus.WithContainerFiles(TargetsFolder, async (_, cancellationToken) =>
            [new ContainerFile { Name = "services.json", Contents = await TargetsAsync(prometheus.Resource, services, cancellationToken) }]);
    }

    /// <summary>The services as a container sees them, in the form of Prometheus' file_sd_configs.</summary>
    private static async Task<string> TargetsAsync(
        IResource seenFrom, IReadOnlyList<IResourceBuilder<ProjectResource>> services, CancellationToken cancellationToken)
    {
        var targets = new List<object>();
        foreach (var service in services)
        {
            var address = await service.GetEndpoint("http").Property(EndpointProperty.HostAndPort)
                .GetValueAsync(new ValueProviderContext { Caller = seenFrom }, cancellationToken);
            targets.Add(new { targets = new[] { address }, labels = new { job = service.Resource.Name } });
        }

        return JsonSerializer.Serialize(targets);
    }
}
