namespace EventShop.AppHost;

/// <summary>What the services stand on. There is one implementation for each place to run, so that the diagram is drawn once.</summary>
internal interface IInfrastructure
{
    /// <summary>How many instances of a service there are.</summary>
    int Replicas { get; }

    /// <summary>The folder of this shop's data; null when it is published.</summary>
    DataFolder? Data { get; }

    /// <summary>The broker, with JetStream.</summary>
    IResourceBuilder<IResourceWithConnectionString> AddNats(string name);

    /// <summary>The database server. Published there is none, only its databases.</summary>
    DatabaseServer AddPostgres(string name);

    /// <returns>Where Jaeger takes traces; null where the AppHost runs no Jaeger.</returns>
    EndpointReference? AddJaeger(string name);

    /// <summary>Prometheus, where the AppHost runs one. It scrapes the services.</summary>
    void AddPrometheus(string name, params IReadOnlyList<IResourceBuilder<ProjectResource>> services);
}

/// <param name="AddDatabase">Adds a database of this name.</param>
internal sealed record DatabaseServer(Func<string, IResourceBuilder<IResourceWithConnectionString>> AddDatabase);

internal static class InfrastructureExtensions
{
    /// <exception cref="DistributedApplicationException">One line: the setting, its value and what is allowed; or what is missing on this machine.</exception>
    public static IInfrastructure AddInfrastructure(this IDistributedApplicationBuilder builder)
    {
        if (builder.ExecutionContext.IsPublishMode)
        {
            PublishedInfrastructure.Check(builder.Configuration);
            return new PublishedInfrastructure(builder);
        }

        var options = InfrastructureOptions.Read(builder);
        var data = builder.AddDataFolder(options.DataFolder);
        return options.Mode is InfrastructureMode.Local
            ? new LocalInfrastructure(builder, options, data)
            : new ContainerInfrastructure(builder, data);
    }
}
