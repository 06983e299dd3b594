using System.Globalization;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.AppHost;

/// <summary>NATS as a process of this machine, instead of a container.</summary>
internal static class LocalInfrastructure
{
    public const string Loopback = "127.0.0.1";

    /// <summary>The data folder, locked from the start of the application to its end.</summary>
    public static LocalData AddLocalData(this IDistributedApplicationBuilder builder, InfrastructureOptions options)
    {
        var data = new LocalData(options);
        // Registered by a factory so that the container owns it, and lets go of the lock last.
        builder.Services.AddSingleton(_ => data);
        builder.Eventing.Subscribe<BeforeStartEvent>((e, _) =>
        {
            e.Services.GetRequiredService<LocalData>().Take();
            return Task.CompletedTask;
        });
        return data;
    }

    /// <summary>nats-server with JetStream and monitoring; the connection string has the name, the process {name}-server.</summary>
    public static IResourceBuilder<IResourceWithConnectionString> AddLocalNats(
        this IDistributedApplicationBuilder builder, string name, LocalData data)
    {
        var options = data.Options;
        var (port, monitor) = (options.NatsPort ?? LocalData.FreePort(), options.NatsMonitorPort ?? LocalData.FreePort());
        var folder = Path.Combine(data.Folder, name);
        var configuration = Path.Combine(folder, "server.conf");
        var password = builder.AddParameter($"{name}-password", () => data.Password(name), secret: true);

        var server = builder.AddExecutable($"{name}-server", options.NatsServer, "/")
            .WithArgs("--config", configuration, "--addr", Loopback)
            .WithArgs("--port", port.ToString(CultureInfo.InvariantCulture))
            .WithArgs("--http_port", monitor.ToString(CultureInfo.InvariantCulture))
            .WithArgs("--jetstream", "--store_dir", folder)
            .WithEndpoint(port: port, scheme: "nats", name: "tcp", isProxied: false)
            .WithHttpEndpoint(port: monitor, name: "monitor", isProxied: false)
            .WithHttpHealthCheck("/healthz?js-enabled-only=true", endpointName: "monitor")
            .OnBeforeResourceStarted((_, _, _) =>
            {
                // The password is in a file, not among the arguments that every user of the machine can read.
                PrivateFiles.CreateFolder(folder);
                PrivateFiles.Write(
                    configuration, $$"""authorization { user: "nats", password: "{{data.Password(name)}}" }""" + "\n");
                return Task.CompletedTask;
            });

        return builder.AddConnectionString(
                name,
                ReferenceExpression.Create(
                    $"nats://nats:{password:uri}@{Loopback}:{server.GetEndpoint("tcp").Property(EndpointProperty.Port)}"))
            .WaitFor(server);
    }
}
