using Microsoft.Extensions.DependencyInjection;

namespace EventShop.AppHost;

/// <summary>NATS and PostgreSQL as processes of this machine, on 127.0.0.1 only and on free ports, unless Ports:nats or Ports:postgres says which.</summary>
internal sealed class LocalInfrastructure(IDistributedApplicationBuilder builder, InfrastructureOptions options, DataFolder data) : IInfrastructure
{
    public const string Loopback = "127.0.0.1";

    public int Replicas => 1;

    public DataFolder? Data => data;

    public IResourceBuilder<IResourceWithConnectionString> AddNats(string name)
    {
        var password = Password(name);
        var folder = data.File(name);
        var nats = builder.AddResource(new LocalNatsResource(name, options.NatsServer, folder, password.Resource))
            .WithEndpoint(scheme: "nats", name: LocalNatsResource.Endpoint, isProxied: false)
            .WithHttpEndpoint(name: NatsMonitor.Endpoint, isProxied: false)
            .WithArgs("--config", "server.conf")
            .WithMonitor();
        return nats.OnBeforeResourceStarted((_, _, _) =>
        {
            // The password is in a file, not among the arguments that every user of the machine can read.
            PrivateFiles.CreateFolder(folder);
            PrivateFiles.Write(Path.Combine(folder, "server.conf"), $$"""
                listen: "{{Loopback}}:{{nats.GetEndpoint(LocalNatsResource.Endpoint).TargetPort}}"
                http: "{{Loopback}}:{{nats.GetEndpoint(NatsMonitor.Endpoint).TargetPort}}"
                authorization { user: "nats", password: "{{data.Password(name)}}" }
                jetstream { store_dir: "{{folder}}" }

                """);
            return Task.CompletedTask;
        });
    }

    /// <summary>postgres.sh runs it. The databases are connection strings only: the service that owns one creates it.</summary>
    public DatabaseServer AddPostgres(string name)
    {
        var password = Password(name);
        var server = builder.AddExecutable(name, "Local/postgres.sh", ".");
        var port = server.WithEndpoint(scheme: "tcp", name: "tcp", isProxied: false).GetEndpoint("tcp");
        var check = $"{name}_check";
        builder.Services.AddHealthChecks().AddNpgSql(
            _ => $"Host={Loopback};Port={port.Port};Username={PostgresUser.Name};Password={data.Password(name)};Timeout=5", name: check);
        server
            .WithEnvironment("PG_BIN", options.PostgresBin)
            .WithEnvironment("PG_HOME", data.File(name))
            .WithEnvironment("PG_PORT", port.Property(EndpointProperty.TargetPort))
            .WithEnvironment("PG_PASSWORD", password)
            .WithHealthCheck(check)
            .WithUrlForEndpoint("tcp", url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly)
            .WithIconName("DatabaseMultiple");
        return new DatabaseServer(database => builder.AddConnectionString(
                database,
                ReferenceExpression.Create(
                    $"Host={Loopback};Port={port.Property(EndpointProperty.Port)};Username={PostgresUser.Name};Password={password};Database={database}"))
            .WaitFor(server)
            .WithParentRelationship(server)
            .WithIconName("Database"));
    }

    /// <summary>The dashboard shows traces. JAEGER_OTLP_ENDPOINT names a Jaeger that runs elsewhere.</summary>
    public EndpointReference? AddJaeger(string name) => null;

    public void AddPrometheus(string name, params IReadOnlyList<IResourceBuilder<ProjectResource>> services)
    {
        // The dashboard shows metrics.
    }

    private IResourceBuilder<ParameterResource> Password(string server) =>
        builder.AddParameter($"{server}-password", () => data.Password(server), secret: true);
}

/// <summary>nats-server as a process, with the connection string that the container has.</summary>
internal sealed class LocalNatsResource(string name, string command, string folder, ParameterResource password)
    : ExecutableResource(name, command, folder), IResourceWithConnectionString
{
    public const string Endpoint = "tcp";

    public ReferenceExpression ConnectionStringExpression => ReferenceExpression.Create(
        $"nats://nats:{password:uri}@{LocalInfrastructure.Loopback}:{new EndpointReference(this, Endpoint).Property(EndpointProperty.Port)}");
}
