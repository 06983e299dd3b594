using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>
/// Sees to it that the streams this service publishes to exist as defined: at the start, after every reconnect (the broker may
/// have come back empty), and now and then. Consumers are seen to by those who consume.
/// </summary>
internal sealed class Topology : BackgroundService
{
    private const int NotFound = 404;
    private const int StreamNotFound = 10059;
    private const int ConsumerNotFound = 10014;

    /// <summary>How often a stream that another service makes is looked for.</summary>
    private static readonly TimeSpan StreamPause = TimeSpan.FromMilliseconds(500);

    private readonly INatsConnection _connection;
    private readonly INatsJSContext _jetStream;
    private readonly BrokerConnection _broker;
    private readonly IReadOnlyList<StreamDefinition> _streams;
    private readonly MessagingOptions _options;
    private readonly Supervisor _supervisor;
    private readonly TimeProvider _clock;
    private readonly ILogger<Topology> _log;
    private readonly SemaphoreSlim _reconnected = new(0);
    private readonly Dictionary<string, long> _loggedAt = [];

    public Topology(
        INatsConnection connection, INatsJSContext jetStream, BrokerConnection broker, IEnumerable<StreamDefinition> streams,
        MessagingOptions options, Supervisor supervisor, TimeProvider clock, ILogger<Topology> log)
    {
        (_connection, _jetStream, _broker, _streams) = (connection, jetStream, broker, [.. streams]);
        (_options, _supervisor, _clock, _log) = (options, supervisor, clock, log);
        _connection.ConnectionOpened += (_, _) =>
        {
            _reconnected.Release();
            return ValueTask.CompletedTask;
        };
    }

    /// <summary>Null when the broker has all streams as defined; otherwise why not.</summary>
    public string? Trouble { get; private set; } = "not verified yet";

    /// <summary>Makes the durable consumer as defined, as soon as the broker and the stream are there: another service may be about to make the stream.</summary>
    /// <param name="definition">The consumer.</param>
    /// <param name="waits">Is told what it waits for.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="NatsJSException">The broker refuses, or the consumer differs in what the broker does not change.</exception>
    public async Task ProvideConsumerAsync(ConsumerDefinition definition, Action<string> waits, CancellationToken cancellationToken)
    {
        while (true)
        {
            await _broker.WaitUntilOpenAsync(cancellationToken);
            try
            {
                await EnsureConsumerAsync(definition, cancellationToken);
                return;
            }
            catch (NatsJSApiException e) when (e.Error.ErrCode is StreamNotFound)
            {
                waits($"waits for stream {definition.Stream}");
                // The streams of this service are made meanwhile.
                if (_streams.All(stream => stream.Name != definition.Stream) && IsTimeToLog(definition.Stream))
                    _log.StreamAwaited(definition.Stream);
                await Task.Delay(Jitter.Around(StreamPause), _clock, cancellationToken);
            }
        }
    }

    /// <summary>Makes the streams, and a moment later the consumers, as defined; now, or not at all.</summary>
    /// <exception cref="NatsException">The broker is away or refuses, or another service's stream is not there yet.</exception>
    public async Task ProvisionAsync(IEnumerable<ConsumerDefinition> consumers, CancellationToken cancellationToken)
    {
        await _connection.ConnectAsync();
        foreach (var definition in _streams)
            await EnsureStreamAsync(definition, cancellationToken);
        foreach (var definition in consumers)
            await EnsureConsumerAsync(definition, cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        _supervisor.RunAsync("topology", KeepAsync, _log, stoppingToken);

    /// <summary>Creates the durable consumer, or updates it where it differs.</summary>
    private async Task EnsureConsumerAsync(ConsumerDefinition definition, CancellationToken cancellationToken)
    {
        INatsJSConsumer consumer;
        try
        {
            consumer = await _jetStream.GetConsumerAsync(definition.Stream, definition.Name, cancellationToken);
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode is ConsumerNotFound)
        {
            if (!_options.Provision)
                throw NotProvisioned($"consumer {definition.Name} on stream {definition.Stream}", e);
            await _jetStream.CreateConsumerAsync(
                definition.Stream, definition.Configure(new ConsumerConfig(definition.Name)), cancellationToken);
            _log.ConsumerProvisioned(definition.Name, definition.Stream, "created");
            return;
        }

        var wanted = definition.Configure(consumer.Info.Config);
        if (Drift.Between(consumer.Info.Config, wanted) is not { } drift || IsLeftAlone($"consumer {definition.Name}", drift))
            return;
        if (consumer.Info.Config.FilterSubject != wanted.FilterSubject && !AppliesChangedFilters(_connection.ServerInfo))
            throw new NatsJSException($"{drift}, and nats-server {_connection.ServerInfo?.Version} takes a changed filter without applying it: " +
                "delete the consumer, give it another name, or run nats-server 2.10 or later");
        try
        {
            await _jetStream.UpdateConsumerAsync(definition.Stream, wanted, cancellationToken);
        }
        catch (NatsJSApiException e)
        {
            throw Unchangeable(drift, e);
        }
        _log.ConsumerProvisioned(definition.Name, definition.Stream, $"updated: {drift}");
    }

    /// <summary>Before 2.10 the broker stores the new filter, and delivers nothing more.</summary>
    private static bool AppliesChangedFilters(INatsServerInfo? server) =>
        !Version.TryParse(server?.Version.Split('-')[0], out var version) || version >= new Version(2, 10);

    private async Task KeepAsync(CancellationToken stopping)
    {
        while (true)
        {
            await _broker.WaitUntilOpenAsync(stopping);
            try
            {
                await EnsureStreamsAsync(stopping);
            }
            catch (NatsException e) when (!_broker.IsOpen)
            {
                Trouble = e.Message;
            }

            await _reconnected.WaitAsync(_options.TopologyInterval, stopping);
        }
    }

    private async Task EnsureStreamsAsync(CancellationToken cancellationToken)
    {
        var troubles = new List<string>();
        foreach (var definition in _streams)
        {
            try
            {
                await EnsureStreamAsync(definition, cancellationToken);
            }
            catch (NatsJSException e) when (_broker.IsOpen)
            {
                if (IsTimeToLog($"{definition.Name}: {e.Message}"))
                    _log.TopologyDrift(definition.Name, e.Message);
                troubles.Add($"stream {definition.Name}: {e.Message}");
            }
        }
        Trouble = troubles.Count == 0 ? null : string.Join("; ", troubles);
    }

    private async Task EnsureStreamAsync(StreamDefinition definition, CancellationToken cancellationToken)
    {
        StreamConfig existing;
        try
        {
            var stream = await _jetStream.GetStreamAsync(definition.Name, cancellationToken: cancellationToken);
            existing = stream.Info.Config;
        }
        catch (NatsJSApiException e) when (e.Error.Code is NotFound)
        {
            if (!_options.Provision)
                throw NotProvisioned($"stream {definition.Name}", e);
            await _jetStream.CreateStreamAsync(
                definition.Configure(new StreamConfig(definition.Name, definition.Subjects), _options.Replicas), cancellationToken);
            _log.StreamProvisioned(definition.Name, "created");
            return;
        }

        var wanted = definition.Configure(existing, _options.Replicas);
        if (Drift.Between(existing, wanted) is not { } drift || IsLeftAlone($"stream {definition.Name}", drift))
            return;
        try
        {
            await _jetStream.UpdateStreamAsync(wanted, cancellationToken);
        }
        catch (NatsJSApiException e)
        {
            throw Unchangeable(drift, e);
        }
        _log.StreamProvisioned(definition.Name, $"updated: {drift}");
    }

    private bool IsTimeToLog(string what)
    {
        lock (_loggedAt)
        {
            if (_loggedAt.TryGetValue(what, out var loggedAt) && _clock.GetElapsedTime(loggedAt) < Reminder.Interval)
                return false;
            _loggedAt[what] = _clock.GetTimestamp();
            return true;
        }
    }

    private static NatsJSException NotProvisioned(string what, NatsJSApiException e) =>
        new($"{what} does not exist, and Messaging:Provision is false: run the service's setup command", e);

    /// <summary>While a deployment is under way, the replicas of one version find what the setup of the other has made: they work on.</summary>
    private bool IsLeftAlone(string what, string drift)
    {
        if (!_options.Provision && IsTimeToLog($"{what}: {drift}"))
            _log.DriftLeftAlone(what, drift);
        return !_options.Provision;
    }

    private static NatsJSException Unchangeable(string drift, NatsJSApiException e) => new($"{drift}, and the broker refuses: {e.Message}", e);
}
