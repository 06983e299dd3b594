using System.Reflection;
using EventShop.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace EventShop.Postgres;

/// <summary>Adds a service's database.</summary>
public static class DatabaseExtensions
{
    /// <summary>
    /// The key of an <see cref="NpgsqlDataSource"/> for what runs in the background, whose sessions requests cannot use up. <see cref="AddDatabase"/> adds one;
    /// with a data source of your own, register a second one under this key for a service whose sessions may all be in use.
    /// </summary>
    public const string BackgroundKey = "EventShop.Postgres.Background";

    /// <summary>
    /// Adds an <see cref="NpgsqlDataSource"/> for the connection string of this name, with settings for statements that are few and hot, another
    /// for background work, and health checks (<c>database</c>, <c>database-answers</c>). At start the database is created if it is missing, and
    /// the schema scripts are applied: those of the libraries, and those embedded in <paramref name="schema"/>.
    /// </summary>
    /// <param name="host">The service.</param>
    /// <param name="connectionName">The connection string's name.</param>
    /// <param name="schema">Assemblies with numbered scripts, embedded as <c>schema/001_….sql</c>.</param>
    /// <exception cref="OptionsValidationException">The connection string is missing or malformed.</exception>
    /// <exception cref="StartupException">An assembly has a script in another place.</exception>
    public static void AddDatabase(this IHostApplicationBuilder host, string connectionName, params Assembly[] schema)
    {
        var options = host.AddDatabaseSetup();
        var connectionString = Read(host.Configuration, connectionName, host.Environment.ApplicationName, options);

        host.Services.AddSingleton(provider => new NpgsqlDataSourceBuilder(connectionString) { Name = connectionName }
            .UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>()).Build());
        host.Services.AddKeyedSingleton(DatabaseSessions.Key, (_, _) =>
            new NpgsqlDataSourceBuilder(ConnectionSettings.ForBackground(connectionString)) { Name = $"{connectionName}-background" }.Build());
        foreach (var assembly in schema)
            host.Services.AddSingleton(SchemaScripts.EmbeddedIn(assembly));
        host.Services.AddSingleton(new DatabaseConnection(connectionName, connectionString));
        host.Services.AddDatabaseWatch();
    }

    /// <summary>
    /// Applies the schema scripts that are registered (<see cref="SchemaScripts"/>) when the service starts, to the
    /// <see cref="NpgsqlDataSource"/> that is registered, whoever registered it.
    /// </summary>
    internal static DatabaseOptions AddDatabaseSetup(this IHostApplicationBuilder host)
    {
        if (host.Services.FirstOrDefault(service => service.ServiceType == typeof(DatabaseOptions))?.ImplementationInstance is DatabaseOptions known)
            return known;
        var options = host.Configuration.GetValidated<DatabaseOptions>("Database");
        host.Services.TryAddSingleton(TimeProvider.System);
        host.Services.AddSingleton(options);
        host.Services.AddSingleton(provider => new DatabaseSetup(
            provider.GetService<NpgsqlDataSource>() ?? throw new StartupException(
                "no NpgsqlDataSource is registered: call builder.AddDatabase(\"orders\"), or builder.AddNpgsqlDataSource(\"orders\") of Aspire.Npgsql, or "
                + "builder.Services.AddNpgsqlDataSource(connectionString) of Npgsql.DependencyInjection"),
            provider.GetService<DatabaseConnection>(), provider.GetServices<SchemaScripts>(), options,
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<DatabaseSetup>>()));
        host.Services.AddSingleton<ISetup>(provider => provider.GetRequiredService<DatabaseSetup>());
        host.Services.AddHostedService(provider => provider.GetRequiredService<DatabaseSetup>());
        return options;
    }

    /// <summary>
    /// Watches the database that is registered, whoever registered it: makes sessions anew that a failover left read-only, and adds the health
    /// checks <c>database</c> and <c>database-answers</c>.
    /// </summary>
    internal static void AddDatabaseWatch(this IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(DatabaseWatch)))
            return;
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Supervisor>();
        services.AddSingleton<DatabaseSessions>();
        services.AddSingleton<DatabaseWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<DatabaseWatch>());
        services.AddHealthChecks()
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
