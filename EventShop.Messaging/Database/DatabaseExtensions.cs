using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>Adds a service's database.</summary>
public static class DatabaseExtensions
{
    /// <summary>
    /// Adds an <see cref="NpgsqlDataSource"/> for the connection string of this name and the health check <c>database</c>. At start, the
    /// database is created if it is missing, and the numbered SQL files embedded in this library and in the calling assembly
    /// (<c>schema/001_….sql</c>) are applied. Call it before anything that needs the schema.
    /// </summary>
    /// <exception cref="OptionsValidationException">The connection string is missing or malformed.</exception>
    public static void AddDatabase(this IHostApplicationBuilder host, string connectionName)
    {
        var service = Assembly.GetCallingAssembly();
        var options = host.Configuration.GetValidated<DatabaseOptions>("Database");
        var connectionString = Read(host.Configuration, connectionName, host.Environment.ApplicationName, options);

        host.Services.TryAddSingleton(TimeProvider.System);
        host.Services.TryAddSingleton<Supervisor>();
        host.Services.AddSingleton(options);
        host.Services.AddSingleton(provider => new DatabasePools(
            connectionName, connectionString, options, provider.GetRequiredService<ILoggerFactory>()));
        host.Services.AddSingleton(provider => provider.GetRequiredService<DatabasePools>().Main);
        host.Services.AddSingleton(provider => new DatabaseSetup(
            provider.GetRequiredService<NpgsqlDataSource>(), new(connectionName, connectionString),
            [typeof(DatabaseExtensions).Assembly, service], options,
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<DatabaseSetup>>()));
        host.Services.AddSingleton<ISetup>(provider => provider.GetRequiredService<DatabaseSetup>());
        host.Services.AddHostedService(provider => provider.GetRequiredService<DatabaseSetup>());
        host.Services.AddSingleton<DatabaseWatch>();
        host.Services.AddHostedService(provider => provider.GetRequiredService<DatabaseWatch>());
        host.Services.AddHealthChecks()
            .AddCheck<DatabaseHealthCheck>("database")
            .AddCheck<DatabaseAnswersCheck>("database-answers", tags: ["ready"]);
    }

    private static string Read(IConfiguration configuration, string name, string application, DatabaseOptions options)
    {
        var key = $"ConnectionStrings:{name}";
        try
        {
            var settings = ConnectionSettings.Complete(configuration.GetConnectionString(name) ?? "", application, options.BehindPooler);
            if (string.IsNullOrEmpty(settings.Host) || string.IsNullOrEmpty(settings.Database))
                throw Invalid("must name Host and Database, for example Host=localhost;Username=postgres;Database=orders");
            // Settings that contradict each other are found when sessions are to be pooled.
            NpgsqlDataSource.Create(settings).Dispose();
            return settings.ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw Invalid(e.Message);
        }

        // The value itself may hold a password: it is not repeated.
        OptionsValidationException Invalid(string allowed) =>
            new(name, typeof(NpgsqlConnectionStringBuilder), [$"{key} is missing or malformed: {allowed}"]);
    }
}

/// <summary>What a data source does not give away again: the connection string with its password.</summary>
internal sealed record DatabaseConnection(string Name, string ConnectionString);
