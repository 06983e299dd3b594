using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
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
    private readonly OutboxOptions _outbox;
    private bool _hasDeadLetters;

    internal MessagingBuilder(IHostApplicationBuilder host, OutboxOptions outbox) => (_host, _outbox) = (host, outbox);

    /// <summary>Declares a stream this service publishes to, and therefore owns.</summary>
    /// <exception cref="OptionsValidationException">The outbox keeps events for a shorter time than the stream.</exception>
    public MessagingBuilder Publishes(StreamDefinition stream)
    {
        if (_outbox.Retention < stream.MaxAge)
            throw Contradiction("Messaging:Outbox:Retention", _outbox.Retention,
                $"must be at least the {stream.MaxAge} for which stream {stream.Name} keeps events: what the broker loses of them is sent again from the outbox");
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
            AddDeadLetters();
            AddInbox();
            _host.Services.AddHostedService<ConsumerWatch>();
            _hasDeadLetters = true;
        }
        _host.Services.AddSingleton(definition);
        _host.Services.AddSingleton(services => CreateConsumer(services, definition));
        _host.Services.AddSingleton<IHostedService>(services => services.GetServices<Consumer>().Single(c => c.Name == name));
        return this;
    }

    /// <summary>Has dead letters marked as obsolete whose cause has been settled by other means.</summary>
    public MessagingBuilder ReviewsDeadLetters<TReview>() where TReview : class, IDeadLetterReview
    {
        _host.Services.AddScoped<IDeadLetterReview, TReview>();
        return this;
    }

    private void AddDeadLetters()
    {
        _host.Services.AddSingleton(DeadLetters.Stream);
        _host.Services.AddSingleton<BrokerCalls>();
        _host.Services.AddSingleton<ObsoleteLetters>();
        _host.Services.AddSingleton<DeadLetters>();
        _host.Services.AddSingleton<DeadLetterWatch>();
        _host.Services.AddHostedService(services => services.GetRequiredService<DeadLetterWatch>());
        _host.Services.AddHealthChecks().AddCheck<DeadLettersHealthCheck>("dead-letters");
    }

    private void AddInbox()
    {
        var options = _host.Configuration.GetValidated<InboxOptions>("Messaging:Inbox");
        // What other services' streams keep is asked of the broker when there is something to prune.
        if (options.Retention < DeadLetters.Stream.MaxAge)
            throw Contradiction("Messaging:Inbox:Retention", options.Retention.Value,
                $"must be at least the {DeadLetters.Stream.MaxAge} for which stream {DeadLetters.Stream.Name} keeps messages: one that is redriven must be known again");
        _host.Services.AddSingleton(options);
        _host.Services.AddHostedService<InboxKeeper>();
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private static OptionsValidationException Contradiction(string key, TimeSpan value, string allowed) =>
        new(key, typeof(TimeSpan), [$"{key} is '{value}': {allowed}"]);

    private static Consumer CreateConsumer(IServiceProvider services, ConsumerDefinition definition)
    {
        var clock = services.GetRequiredService<TimeProvider>();
        var log = services.GetRequiredService<ILogger<Consumer>>();
        var gate = new ConsumptionGate(clock);
        var settlement = new Settlement(definition.Name, definition.Options, clock, log);
        var processor = new MessageProcessor(definition, gate, settlement, services.GetRequiredService<DeadLetters>(),
            services.GetRequiredService<DatabaseWatch>(), new Attempts(services.GetRequiredService<NpgsqlDataSource>(), definition.Name), services.GetRequiredService<IServiceScopeFactory>(), clock, log);
        return new(definition, services.GetRequiredService<Topology>(), services.GetRequiredService<BrokerConnection>(),
            services.GetRequiredService<INatsJSContext>(), processor, gate, settlement, services.GetRequiredService<Supervisor>(), clock, log);
    }
}

/// <summary>Adds messaging to a service.</summary>
public static class MessagingExtensions
{
    /// <summary>
    /// Adds the outbox, its relay and the topology, on the <see cref="INatsConnection"/> and the <see cref="NpgsqlDataSource"/>
    /// that are registered, and the health checks <c>nats</c>, <c>consumers</c>, <c>outbox</c> and, with a consumer, <c>dead-letters</c>.
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
        var outbox = host.Configuration.GetValidated<OutboxOptions>("Messaging:Outbox");
        services.AddSingleton(outbox);
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
        return new(host, outbox);
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
