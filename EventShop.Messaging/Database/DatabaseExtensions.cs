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
        var connectionString = Read(host.Configuration, connectionName, host.Environment.ApplicationName);

        host.Services.TryAddSingleton(TimeProvider.System);
        host.Services.TryAddSingleton<Supervisor>();
        host.Services.AddSingleton(new DatabaseConnection(connectionName, connectionString));
        host.Services.AddSingleton(provider =>
        {
            var builder = new NpgsqlDataSourceBuilder(connectionString) { Name = connectionName };
            builder.UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>());
            return builder.Build();
        });
        host.Services.AddSingleton(provider => new DatabaseSetup(
            provider.GetRequiredService<NpgsqlDataSource>(), new(connectionName, connectionString),
            [typeof(DatabaseExtensions).Assembly, service], options,
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<DatabaseSetup>>()));
        host.Services.AddSingleton<ISetup>(provider => provider.GetRequiredService<DatabaseSetup>());
        host.Services.AddHostedService(provider => provider.GetRequiredService<DatabaseSetup>());
        host.Services.AddHealthChecks().AddCheck<DatabaseHealthCheck>("database");
    }

    private static string Read(IConfiguration configuration, string name, string application)
    {
        var key = $"ConnectionStrings:{name}";
        try
        {
            var builder = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString(name) ?? "");
            if (string.IsNullOrEmpty(builder.Host) || string.IsNullOrEmpty(builder.Database))
                throw Invalid("must name Host and Database, for example Host=localhost;Username=postgres;Database=orders");
            builder.ApplicationName ??= application;
            // Statements are few and hot: prepared once per connection, and given up long before a caller would.
            builder.MaxAutoPrepare = Math.Max(builder.MaxAutoPrepare, 32);
            builder.AutoPrepareMinUsages = 2;
            // Planning anew for the arrays of each group takes longer than storing it, and compiling takes longer than anything here.
            builder.Options = $"-c plan_cache_mode=force_generic_plan -c jit=off {builder.Options}".TrimEnd();
            // Nothing here changes a session's settings. Undoing them would cost each statement as much as it costs itself.
            if (!builder.ShouldSerialize("No Reset On Close"))
                builder.NoResetOnClose = true;
            if (!builder.ShouldSerialize("Command Timeout"))
                builder.CommandTimeout = 10;
            return builder.ConnectionString;
        }
        catch (ArgumentException e)
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

/// <summary>PostgreSQL answers a query.</summary>
internal sealed class DatabaseHealthCheck(NpgsqlDataSource db) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var command = db.CreateCommand("select 1");
            await command.ExecuteScalarAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException e)
        {
            return HealthCheckResult.Unhealthy(e.Message);
        }
    }
}
