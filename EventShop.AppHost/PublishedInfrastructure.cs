using Microsoft.Extensions.Configuration;

namespace EventShop.AppHost;

/// <summary>
/// What a target is told: databases are connection strings, which are secret parameters, because PostgreSQL on a share of files does not
/// start. NATS is a container whose storage may be lost (guarantee G5), or, with Infrastructure:Nats=External, a connection string as well.
/// </summary>
internal sealed class PublishedInfrastructure(IDistributedApplicationBuilder builder) : IInfrastructure
{
    private const string Nats = "Infrastructure:Nats";

    /// <summary>`aspire publish` and `aspire deploy` would succeed, write nothing and deploy nothing: no target is in the model.</summary>
    /// <exception cref="DistributedApplicationException">It is one of the two.</exception>
    public static void Check(IConfiguration configuration)
    {
        if (configuration["Pipeline:Step"] is "publish" or "deploy")
        {
            throw new DistributedApplicationException(
                "EventShop is deployed to Azure by `azd up`, to one machine by `deploy/up.sh` (docs/deploy.md); `aspire do publish-manifest` writes the manifest.");
        }
    }

    public int Replicas => 2;

    public DataFolder? Data => null;

    public IResourceBuilder<IResourceWithConnectionString> AddNats(string name) => builder.Configuration[Nats] switch
    {
        null or "" or "Container" => builder.AddNats(name).WithImageTag("2.15.1-alpine").WithJetStream(),
        "External" => builder.AddConnectionString(name),
        var other => throw new DistributedApplicationException($"{Nats} is '{other}', allowed is Container or External."),
    };

    public DatabaseServer AddPostgres(string name) => new(database => builder.AddConnectionString(database));

    /// <summary>The telemetry goes where the target has a place for it.</summary>
    public EndpointReference? AddJaeger(string name) => null;

    public void AddPrometheus(string name, params IReadOnlyList<IResourceBuilder<ProjectResource>> services)
    {
        // Likewise.
    }
}
