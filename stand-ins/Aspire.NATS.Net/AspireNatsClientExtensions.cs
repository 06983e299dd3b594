using Aspire.NATS.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Net;
using OpenTelemetry.Trace;

namespace Microsoft.Extensions.Hosting;

/// <summary>
/// Registers NATS: <see cref="NatsConnection"/>, <see cref="INatsConnection"/> and <see cref="INatsClient"/>, one singleton.
/// </summary>
public static class AspireNatsClientExtensions
{
    private const string SectionName = "Aspire:NATS:Net";

    /// <summary>The client of a connection string.</summary>
    public static void AddNatsClient(this IHostApplicationBuilder builder, string connectionName) =>
        Add(builder, connectionName, null, null, null);

    /// <summary>With settings.</summary>
    public static void AddNatsClient(
        this IHostApplicationBuilder builder, string connectionName, Action<NatsClientSettings>? configureSettings) =>
        Add(builder, connectionName, null, configureSettings, null);

    /// <summary>With options; the URL is set after them.</summary>
    public static void AddNatsClient(
        this IHostApplicationBuilder builder, string connectionName, Func<NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, connectionName, null, null, WithServices(configureOptions));

    /// <summary>With options; the URL is set after them.</summary>
    public static void AddNatsClient(
        this IHostApplicationBuilder builder, string connectionName, Func<IServiceProvider, NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, connectionName, null, null, configureOptions);

    /// <summary>With settings and options.</summary>
    public static void AddNatsClient(
        this IHostApplicationBuilder builder,
        string connectionName,
        Action<NatsClientSettings>? configureSettings,
        Func<NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, connectionName, null, configureSettings, WithServices(configureOptions));

    /// <summary>With settings and options.</summary>
    public static void AddNatsClient(
        this IHostApplicationBuilder builder,
        string connectionName,
        Action<NatsClientSettings>? configureSettings,
        Func<IServiceProvider, NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, connectionName, null, configureSettings, configureOptions);

    /// <summary>A further client, under its name as key.</summary>
    public static void AddKeyedNatsClient(this IHostApplicationBuilder builder, string name) =>
        Add(builder, name, name, null, null);

    /// <summary>A further client, with settings.</summary>
    public static void AddKeyedNatsClient(
        this IHostApplicationBuilder builder, string name, Action<NatsClientSettings>? configureSettings) =>
        Add(builder, name, name, configureSettings, null);

    /// <summary>A further client, with options.</summary>
    public static void AddKeyedNatsClient(
        this IHostApplicationBuilder builder, string name, Func<NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, name, name, null, WithServices(configureOptions));

    /// <summary>A further client, with options.</summary>
    public static void AddKeyedNatsClient(
        this IHostApplicationBuilder builder, string name, Func<IServiceProvider, NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, name, name, null, configureOptions);

    /// <summary>A further client, with settings and options.</summary>
    public static void AddKeyedNatsClient(
        this IHostApplicationBuilder builder,
        string name,
        Action<NatsClientSettings>? configureSettings,
        Func<NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, name, name, configureSettings, WithServices(configureOptions));

    /// <summary>A further client, with settings and options.</summary>
    public static void AddKeyedNatsClient(
        this IHostApplicationBuilder builder,
        string name,
        Action<NatsClientSettings>? configureSettings,
        Func<IServiceProvider, NatsOpts, NatsOpts>? configureOptions) =>
        Add(builder, name, name, configureSettings, configureOptions);

    /// <summary>An <see cref="INatsJSContext"/> on the client.</summary>
    public static void AddNatsJetStream(this IHostApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddSingleton<INatsJSContext>(
            static services => new NatsJSContextFactory().CreateContext(services.GetRequiredService<INatsConnection>()));
    }

    private static void Add(
        IHostApplicationBuilder builder,
        string connectionName,
        string? key,
        Action<NatsClientSettings>? configureSettings,
        Func<IServiceProvider, NatsOpts, NatsOpts>? configureOptions)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(connectionName);
        var settings = ReadSettings(builder.Configuration, connectionName);
        configureSettings?.Invoke(settings);

        NatsConnection Create(IServiceProvider services, object? _) =>
            Connect(services, connectionName, settings, configureOptions);

        if (key is null)
        {
            builder.Services.TryAddSingleton(services => Create(services, null));
            builder.Services.TryAddSingleton<INatsConnection>(static services => services.GetRequiredService<NatsConnection>());
            builder.Services.TryAddSingleton<INatsClient>(static services => services.GetRequiredService<NatsConnection>());
        }
        else
        {
            builder.Services.TryAddKeyedSingleton(key, Create);
            builder.Services.TryAddKeyedSingleton<INatsConnection>(
                key, static (services, key) => services.GetRequiredKeyedService<NatsConnection>(key));
            builder.Services.TryAddKeyedSingleton<INatsClient>(
                key, static (services, key) => services.GetRequiredKeyedService<NatsConnection>(key));
        }

        if (!settings.DisableHealthChecks)
        {
            AddHealthCheck(builder, connectionName, key);
        }

        if (!settings.DisableTracing)
        {
            builder.Services.AddOpenTelemetry().WithTracing(static tracing => tracing.AddSource("NATS.Net"));
        }
    }

    private static NatsClientSettings ReadSettings(IConfigurationManager configuration, string connectionName)
    {
        var settings = new NatsClientSettings();
        var section = configuration.GetSection(SectionName);
        section.Bind(settings);
        section.GetSection(connectionName).Bind(settings);
        settings.ConnectionString = configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        return settings;
    }

    private static NatsConnection Connect(
        IServiceProvider services,
        string connectionName,
        NatsClientSettings settings,
        Func<IServiceProvider, NatsOpts, NatsOpts>? configureOptions)
    {
        var opts = NatsOpts.Default with
        {
            LoggerFactory = services.GetRequiredService<ILoggerFactory>(),
            SerializerRegistry = NatsClientDefaultSerializerRegistry.Default,
        };
        opts = configureOptions?.Invoke(services, opts) ?? opts;
        var url = settings.ConnectionString ?? throw new InvalidOperationException(
            $"NATS connection string not found: {connectionName}");
        return new NatsConnection(opts with { Url = url });
    }

    private static void AddHealthCheck(IHostApplicationBuilder builder, string connectionName, string? key)
    {
        var name = key is null ? "NATS" : $"NATS_{connectionName}";

        // Registered twice, one check remains: health checks refuse two of one name.
        if (builder.Properties.TryAdd($"Aspire.HealthChecks.{name}", true))
        {
            builder.Services.AddHealthChecks().Add(new HealthCheckRegistration(
                name,
                services => new NatsHealthCheck(
                    key is null ? services.GetRequiredService<INatsConnection>() : services.GetRequiredKeyedService<INatsConnection>(key)),
                failureStatus: default,
                tags: default));
        }
    }

    private static Func<IServiceProvider, NatsOpts, NatsOpts>? WithServices(Func<NatsOpts, NatsOpts>? configure) =>
        configure is null ? null : (_, opts) => configure(opts);
}
