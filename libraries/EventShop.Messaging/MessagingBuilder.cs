using System.Diagnostics.CodeAnalysis;
using EventShop.Hosting;
using EventShop.Postgres;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>What a service publishes and consumes.</summary>
public sealed class MessagingBuilder
{
    /// <summary>How long the host has to stop everything else, once the consumers are drained.</summary>
    private static readonly TimeSpan AfterDrain = TimeSpan.FromSeconds(10);

    private readonly IHostApplicationBuilder _host;
    private readonly MessagingOptions _options;
    private readonly OutboxOptions _outbox;
    private readonly HashSet<string> _consumers = [];

    internal MessagingBuilder(IHostApplicationBuilder host, MessagingOptions options, OutboxOptions outbox) =>
        (_host, _options, _outbox) = (host, options, outbox);

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
    /// <param name="name">The durable name; configuration overrides its options in the section <c>Messaging:Consumers:{name}</c>.</param>
    /// <param name="stream">The stream, which another service may own and which may not exist yet.</param>
    /// <param name="subject">Which subjects of it.</param>
    /// <param name="start">Where it begins when it is new.</param>
    /// <param name="handlers">Gives each type of event its handler.</param>
    /// <param name="configure">Sets its options.</param>
    /// <exception cref="OptionsValidationException">An option is wrong, or the name is taken.</exception>
    public MessagingBuilder Consumes(
        string name, string stream, string subject, StartAt start, Action<HandlerMap> handlers, Action<ConsumerOptions>? configure = null)
    {
        var section = $"Messaging:Consumers:{name}";
        if (!_consumers.Add(name))
            throw new OptionsValidationException(section, typeof(ConsumerOptions), [$"consumer '{name}' is there twice: each needs a name of its own"]);
        var map = new HandlerMap(_host.Services);
        handlers(map);
        var definition = new ConsumerDefinition(name, stream, subject, start, map, _host.Configuration.GetValidated(section, configure, sections: []));
        _host.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Longer(host.ShutdownTimeout, definition.Options.DrainTimeout + AfterDrain));

        if (_consumers.Count == 1)
        {
            var deadLetters = AddDeadLetters();
            AddInboxKeeper(deadLetters);
            _host.Services.AddHostedService<ConsumerWatch>();
        }
        _host.Services.AddSingleton(definition);
        _host.Services.AddSingleton(services => CreateConsumer(services, definition));
        _host.Services.AddSingleton<IHostedService>(services => services.GetServices<Consumer>().Single(c => c.Name == name));
        return this;
    }

    /// <summary>Has dead letters marked as obsolete whose cause has been settled by other means.</summary>
    public MessagingBuilder ReviewsDeadLetters<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] TReview>()
        where TReview : class, IDeadLetterReview
    {
        _host.Services.AddScoped<IDeadLetterReview, TReview>();
        return this;
    }

    private StreamDefinition AddDeadLetters()
    {
        var options = _host.Configuration.GetValidated<DeadLetterOptions>("Messaging:DeadLetters", sections: []);
        var stream = DeadLetters.StreamOf(options, _options);
        _host.Services.AddSingleton(stream);
        _host.Services.AddSingleton<ObsoleteLetters>();
        _host.Services.AddSingleton(services => new DeadLetters(
            services.GetRequiredService<INatsJSContext>(), services.GetRequiredService<BrokerCalls>(), services.GetRequiredService<ObsoleteLetters>(),
            options, _options, services.GetRequiredService<ILogger<DeadLetters>>()));
        _host.Services.AddSingleton<IServiceCommand, DeadLettersCommand>();
        _host.Services.AddSingleton<DeadLetterWatch>();
        _host.Services.AddHostedService(services => services.GetRequiredService<DeadLetterWatch>());
        _host.Services.AddHealthChecks().AddCheck<DeadLettersHealthCheck>("dead-letters");
        return stream;
    }

    private void AddInboxKeeper(StreamDefinition deadLetters)
    {
        var options = _host.Configuration.GetValidated<InboxOptions>("Messaging:Inbox", sections: []);
        // What other services' streams keep is asked of the broker when there is something to prune.
        if (options.Retention < deadLetters.MaxAge)
            throw Contradiction("Messaging:Inbox:Retention", options.Retention.Value,
                $"must be at least the {deadLetters.MaxAge} for which stream {deadLetters.Name} keeps messages: one that is redriven must be known again");
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
        var attempts = new Attempts(services.GetRequiredService<NpgsqlDataSource>(), services.GetRequiredService<MessagingOptions>().Tables, definition.Name);
        var processor = new MessageProcessor(definition, gate, settlement, services.GetRequiredService<DeadLetters>(),
            services.GetRequiredService<DatabaseWatch>(), attempts, services.GetRequiredService<IServiceScopeFactory>(), clock, log);
        return new(definition, services.GetRequiredService<Topology>(), services.GetRequiredService<BrokerConnection>(),
            services.GetRequiredService<INatsJSContext>(), processor, gate, settlement, services.GetRequiredService<Supervisor>(), clock, log);
    }
}
