using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace EventShop.AppHost;

/// <summary>PostgreSQL as a process of this machine: TCP on 127.0.0.1 only, no Unix socket, fsync on.</summary>
internal sealed class LocalPostgres(
    IResourceBuilder<ExecutableResource> server, IResourceBuilder<ParameterResource> password)
{
    /// <summary>A connection string only: the service that owns the database creates it.</summary>
    public IResourceBuilder<IResourceWithConnectionString> AddDatabase(string name) =>
        server.ApplicationBuilder.AddConnectionString(
                name,
                ReferenceExpression.Create(
                    $"Host={LocalInfrastructure.Loopback};Port={server.GetEndpoint("tcp").Property(EndpointProperty.Port)};Username={PostgresUser.Name};Password={password};Database={name}"))
            .WaitFor(server);
}

internal static class LocalPostgresExtensions
{
    /// <summary>SIGTERM lets postgres wait for its clients to leave; SIGINT is the fast shutdown that a stop means here.</summary>
    private const string FastShutdown =
        """
        "$@" &
        server=$!
        trap 'kill -s INT "$server"' TERM INT
        while kill -s 0 "$server" 2>/dev/null; do wait "$server"; status=$?; done
        exit "$status"
        """;

    public static LocalPostgres AddLocalPostgres(this IDistributedApplicationBuilder builder, string name, LocalData data)
    {
        var options = data.Options;
        var port = options.PostgresPort ?? LocalData.FreePort();
        var cluster = new PostgresCluster(name, data);
        var password = builder.AddParameter($"{name}-password", () => data.Password(name), secret: true);
        var check = $"{name}_check";
        builder.Services.AddHealthChecks().AddAsyncCheck(check, ct => CheckAsync(port, data.Password(name), ct));

        string[] postgres =
        [
            Path.Combine(options.PostgresBin, "postgres"), "-D", cluster.Folder,
            "-p", port.ToString(CultureInfo.InvariantCulture), "-c", $"listen_addresses={LocalInfrastructure.Loopback}",
            "-c", "unix_socket_directories=", "-c", "max_connections=200",
        ];
        var server = builder
            .AddExecutable(name, "/bin/sh", "/", ["-c", FastShutdown, "sh", .. PostgresUser.Prefix, .. postgres])
            .WithEndpoint(port: port, scheme: "tcp", name: "tcp", isProxied: false)
            .WithHealthCheck(check)
            .OnBeforeResourceStarted((_, _, ct) => cluster.PrepareAsync(ct));
        return new LocalPostgres(server, password);
    }

    private static async Task<HealthCheckResult> CheckAsync(int port, string password, CancellationToken ct)
    {
        var target = new NpgsqlConnectionStringBuilder
        {
            Host = LocalInfrastructure.Loopback,
            Port = port,
            Username = PostgresUser.Name,
            Password = password,
            Database = "postgres",
            Pooling = false,
            Timeout = 5,
        };
        try
        {
            await using var connection = new NpgsqlConnection(target.ConnectionString);
            await connection.OpenAsync(ct);
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException e)
        {
            return HealthCheckResult.Unhealthy(e.Message, e);
        }
    }
}
