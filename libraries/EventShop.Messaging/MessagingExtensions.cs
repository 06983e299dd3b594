using EventShop.Hosting;
using EventShop.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>Adds messaging to a service.</summary>
public static class MessagingExtensions
{
    /// <summary>
    /// Adds the outbox, its relay, the inbox and the topology, on the <see cref="INatsConnection"/> and the <see cref="NpgsqlDataSource"/> that are
    /// registered, whoever registered them; and the health checks <c>database</c>, <c>nats</c>, <c>consumers</c>, <c>outbox</c> and, with a consumer,
    /// <c>dead-letters</c>.
    /// </summary>
    /// <param name="host">The service.</param>
    /// <param name="configure">Sets options in code. The section <c>Messaging</c> of the configuration overrides them.</param>
    /// <exception cref="OptionsValidationException">An option is wrong, or a key in the section <c>Messaging</c> is not known.</exception>
    public static MessagingBuilder AddMessaging(this IHostApplicationBuilder host, Action<MessagingOptions>? configure = null)
    {
        var options = host.Configuration.GetValidated<MessagingOptions>(
            "Messaging", options =>
            {
                options.Source = $"/{host.Environment.ApplicationName}";
                configure?.Invoke(options);
            },
            sections: ["Consumers", "DeadLetters", "Inbox", "Outbox"]);
        if (!Uri.IsWellFormedUriString(options.Source, UriKind.RelativeOrAbsolute) || !char.IsAsciiLetterOrDigit(options.Source.LastOrDefault()))
            throw new OptionsValidationException(nameof(MessagingOptions.Source), typeof(MessagingOptions), [
                $"the messaging source is '{options.Source}': it must be a URI reference that ends with the service's name, for example /OrderService"]);
        var outbox = host.Configuration.GetValidated<OutboxOptions>("Messaging:Outbox", sections: []);

        var services = host.Services;
        services.AddSingleton(options);
        services.AddSingleton(outbox);
        services.AddSingleton(new SchemaScripts(MessagingSchema.Scripts(options.Schema)));
        host.AddDatabaseSetup();
        services.AddHostedService(provider => new RegistrationCheck(provider, host.Configuration, provider.GetRequiredService<ILogger<RegistrationCheck>>()));
        // Needs all that a write needs, and writes nothing.
        services.AddSingleton(new DatabaseProbe($"delete from {options.Tables}outbox_unsent where false"));
        services.AddDatabaseWatch();

        services.TryAddSingleton<INatsJSContext>(provider => new NatsJSContext(provider.GetRequiredService<INatsConnection>()));
        services.AddSingleton<BrokerConnection>();
        services.AddSingleton<BrokerCalls>();
        services.AddSingleton<ConsumerStarts>();
        services.AddSingleton<Topology>();
        services.AddSingleton<ISetup, TopologySetup>();
        services.AddSingleton<EventPublisher>();
        services.AddSingleton<OutboxTable>();
        services.AddSingleton<OutboxRelay>();
        services.AddSingleton<OutboxKeeper>();
        services.AddSingleton(provider => new ParkedEvents(
            provider.GetRequiredService<NpgsqlDataSource>(), options, provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<ParkedEvents>>()));
        services.AddSingleton(provider => new Outbox(
            provider.GetRequiredService<NpgsqlDataSource>(), provider.GetRequiredService<OutboxRelay>(), outbox, options));
        services.AddSingleton(_ => new Inbox(options));

        // Stopped in reverse order: listener and consumers (added after these, and stopping side by side) first, then the relay, which still
        // sends what they committed, and the connection last.
        services.AddHostedService(provider => provider.GetRequiredService<ConsumerStarts>());
        services.AddHostedService(provider => provider.GetRequiredService<BrokerConnection>());
        services.AddHostedService(provider => provider.GetRequiredService<Topology>());
        services.AddHostedService(provider => provider.GetRequiredService<OutboxKeeper>());
        services.AddHostedService(provider => provider.GetRequiredService<OutboxRelay>());

        services.AddSingleton<Servers>();
        services.AddSingleton<IServiceCommand, StatusCommand>();
        services.AddSingleton<IServiceCommand, ConsumersCommand>();
        services.AddSingleton<IServiceCommand, ParkedCommand>();
        services.AddSingleton<IServiceCommand, SchemaCommand>();

        services.AddHealthChecks()
            .AddCheck<NatsHealthCheck>("nats")
            .AddCheck<ConsumersHealthCheck>("consumers")
            .AddCheck<OutboxHealthCheck>("outbox");
        return new(host, options, outbox);
    }

    /// <summary>Settings under which a connection notices a dead broker in seconds and never stops trying to reach it.</summary>
    public static NatsOpts ForMessaging(this NatsOpts options, string name) => options with
    {
        Name = name,
        // Replies of its own: a user of the broker can be kept from those of others.
        InboxPrefix = $"_INBOX_{name}",
        PingInterval = TimeSpan.FromSeconds(5),
        MaxPingOut = 2,
        ReconnectWaitMin = TimeSpan.FromMilliseconds(250),
        ReconnectWaitMax = TimeSpan.FromSeconds(2),
        ReconnectJitter = TimeSpan.FromMilliseconds(250),
        MaxReconnectRetry = -1,
        IgnoreAuthErrorAbort = true,
        SubPendingChannelCapacity = 4096,
        DrainSubscriptionsOnDispose = true,
        DrainPingTimeout = TimeSpan.FromSeconds(1),
        LoggerFactory = new NatsClientLog(options.LoggerFactory),
    };
}
