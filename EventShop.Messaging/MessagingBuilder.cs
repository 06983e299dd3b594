using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>What a service publishes and consumes.</summary>
public sealed class MessagingBuilder
{
    /// <summary>How long the host has to stop everything else, once the consumers are drained.</summary>
    private static readonly TimeSpan AfterDrain = TimeSpan.FromSeconds(10);

    private readonly IHostApplicationBuilder _host;
    private bool _hasDeadLetters;

    internal MessagingBuilder(IHostApplicationBuilder host) => _host = host;

    /// <summary>Declares a stream this service publishes to, and therefore owns.</summary>
    public MessagingBuilder Publishes(StreamDefinition stream)
    {
        _host.Services.AddSingleton(stream);
        return this;
    }

    /// <summary>Consumes part of a stream with a durable consumer of this name.</summary>
    /// <param name="name">The durable name; its options are in the section <c>Messaging:Consumers:{name}</c>.</param>
    /// <param name="from">The stream, which another service may own and which may not exist yet.</param>
    /// <param name="subject">Which subjects of it.</param>
    /// <param name="handlers">Gives each type of event its handler.</param>
    public MessagingBuilder Consumes(string name, string from, string subject, Action<HandlerMap> handlers)
    {
        var map = new HandlerMap(_host.Services);
        handlers(map);
        var definition = new ConsumerDefinition(
            name, from, subject, map, _host.Configuration.GetValidated<ConsumerOptions>($"Messaging:Consumers:{name}"));
        _host.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Longer(host.ShutdownTimeout, definition.Options.DrainTimeout + AfterDrain));

        if (!_hasDeadLetters)
        {
            _host.Services.AddSingleton<DeadLetters>();
            Publishes(DeadLetters.Stream);
            Publishes(GivenUpWatch.Stream);
            _host.Services.AddHostedService<ConsumerWatch>();
            _hasDeadLetters = true;
        }
        _host.Services.AddSingleton(definition);
        _host.Services.AddSingleton<IHostedService>(services => ActivatorUtilities.CreateInstance<GivenUpWatch>(services, definition));
        _host.Services.AddSingleton(services => CreateConsumer(services, definition));
        _host.Services.AddSingleton<IHostedService>(services => services.GetServices<Consumer>().Single(c => c.Name == name));
        return this;
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static Consumer CreateConsumer(IServiceProvider services, ConsumerDefinition definition)
    {
        var clock = services.GetRequiredService<TimeProvider>();
        var log = services.GetRequiredService<ILogger<Consumer>>();
        var gate = new ConsumptionGate(clock);
        var settlement = new Settlement(definition.Name, definition.Options, clock, log);
        var processor = new MessageProcessor(definition, gate, settlement, services.GetRequiredService<DeadLetters>(),
            services.GetRequiredService<DatabaseWatch>(), services.GetRequiredService<IServiceScopeFactory>(), clock, log);
        return new(definition, services.GetRequiredService<Topology>(), services.GetRequiredService<BrokerConnection>(),
            services.GetRequiredService<INatsJSContext>(), processor, gate, settlement, services.GetRequiredService<Supervisor>(), clock, log);
    }
}

/// <summary>Adds messaging to a service.</summary>
public static class MessagingExtensions
{
    /// <summary>
    /// Adds the outbox, its relay and the topology, on the <see cref="INatsConnection"/> and the <see cref="NpgsqlDataSource"/>
    /// that are registered, and the health checks <c>nats</c>, <c>consumers</c> and <c>outbox</c>.
    /// </summary>
    /// <param name="host">The service.</param>
    /// <param name="source">The service as CloudEvents' <c>source</c> of what it publishes, a URI reference; by default its application's name.</param>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A value in the section <c>Messaging</c> is wrong.</exception>
    public static MessagingBuilder AddMessaging(this IHostApplicationBuilder host, string? source = null)
    {
        var options = host.Configuration.GetValidated<MessagingOptions>("Messaging");
        options.Source = source ?? $"/{host.Environment.ApplicationName}";

        var services = host.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(host.Configuration.GetValidated<OutboxOptions>("Messaging:Outbox"));
        services.TryAddSingleton<INatsJSContext>(provider => new NatsJSContext(provider.GetRequiredService<INatsConnection>()));
        services.TryAddSingleton<Supervisor>();
        services.AddSingleton<BrokerConnection>();
        services.AddSingleton<Topology>();
        services.AddSingleton<ISetup, TopologySetup>();
        services.AddSingleton<EventPublisher>();
        services.AddSingleton<OutboxTable>();
        services.AddSingleton<OutboxRelay>();
        services.AddSingleton<OutboxKeeper>();
        services.AddSingleton<ParkedEvents>();
        services.AddSingleton(provider => new Outbox(
            provider.GetRequiredService<NpgsqlDataSource>(), provider.GetRequiredService<OutboxRelay>(), provider.GetRequiredService<OutboxOptions>()));

        // Stopped in reverse order: listener and consumers (added after these, and stopping side by side) first, then the relay, which still
        // sends what they committed, and the connection last.
        services.AddHostedService(provider => provider.GetRequiredService<BrokerConnection>());
        services.AddHostedService(provider => provider.GetRequiredService<Topology>());
        services.AddHostedService(provider => provider.GetRequiredService<OutboxKeeper>());
        services.AddHostedService(provider => provider.GetRequiredService<OutboxRelay>());

        services.AddHealthChecks()
            .AddCheck<NatsHealthCheck>("nats")
            .AddCheck<ConsumersHealthCheck>("consumers")
            .AddCheck<OutboxHealthCheck>("outbox");
        return new(host);
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
