using System.Collections.Concurrent;
using EventShop.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>
/// Sees to it that the streams this service publishes to exist: at the start, after every reconnect (the broker may have come back
/// empty), and now and then. Consumers are seen to by those who consume.
/// </summary>
/// <remarks>
/// What exists with another configuration is changed once by each process, when it first sees it, and only so that no message can be lost.
/// Whatever differs later, or would cost messages, is another version's or an operator's doing: it is told and left (ADR 13).
/// </remarks>
internal sealed class Topology : BackgroundService
{
    private const int NotFound = 404;
    private const int StreamNotFound = 10059;
    private const int ConsumerNotFound = 10014;
    private const int NameInUse = 10058;

    /// <summary>How often a stream that another service makes is looked for.</summary>
    private static readonly TimeSpan StreamPause = TimeSpan.FromMilliseconds(500);

    private readonly INatsConnection _connection;
    private readonly INatsJSContext _jetStream;
    private readonly BrokerConnection _broker;
    private readonly IReadOnlyList<StreamDefinition> _streams;
    private readonly IEnumerable<ConsumerDefinition> _consumers;
    private readonly ConsumerStarts _starts;
    private readonly MessagingOptions _options;
    private readonly Supervisor _supervisor;
    private readonly TimeProvider _clock;
    private readonly ILogger<Topology> _log;
    private readonly SemaphoreSlim _reconnected = new(0);
    private readonly Dictionary<string, long> _loggedAt = [];
    private readonly ConcurrentDictionary<string, string> _differences = new();
    private readonly ConcurrentDictionary<string, TimeSpan> _ackWaits = new();

    /// <summary>What has been seen as defined, or brought to it as far as may be: from then on it is only compared.</summary>
    private readonly ConcurrentDictionary<string, bool> _settled = new();

    public Topology(
        INatsConnection connection, INatsJSContext jetStream, BrokerConnection broker, IEnumerable<StreamDefinition> streams,
        IEnumerable<ConsumerDefinition> consumers, ConsumerStarts starts, MessagingOptions options, Supervisor supervisor, TimeProvider clock, ILogger<Topology> log)
    {
        (_connection, _jetStream, _broker, _streams, _consumers) = (connection, jetStream, broker, [.. streams], consumers);
        (_starts, _options, _supervisor, _clock, _log) = (starts, options, supervisor, clock, log);
        _connection.ConnectionOpened += (_, _) =>
        {
            _reconnected.Release();
            return ValueTask.CompletedTask;
        };
    }

    /// <summary>Null when the broker has all streams, and can keep events in them; otherwise why not.</summary>
    public string? Trouble { get; private set; } = "not verified yet";

    /// <summary>What differs from its definition and is left as it is, which keeps nothing from working; null when nothing does.</summary>
    public string? Differences => _differences.IsEmpty ? null : string.Join("; ", _differences.Select(d => $"{d.Key}: {d.Value}").Order());

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

    /// <summary>How long the broker waits for a sign of life of this consumer's messages: another version may have defined it.</summary>
    public TimeSpan AckWaitOf(ConsumerDefinition definition) => _ackWaits.GetValueOrDefault(definition.Name, definition.Options.AckWait);

    /// <summary>Makes the streams, and a moment later the consumers, as defined; now, or not at all.</summary>
    /// <exception cref="NatsException">The broker is away or refuses, or another service's stream is not there yet.</exception>
    public async Task ProvisionAsync(IEnumerable<ConsumerDefinition> consumers, CancellationToken cancellationToken)
    {
        await _connection.ConnectAsync();
        foreach (var definition in _streams)
            await EnsureStreamAsync(definition, isSetup: true, cancellationToken);
        foreach (var definition in consumers)
            await EnsureConsumerAsync(definition, cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        _supervisor.RunAsync("topology", KeepAsync, _log, stoppingToken);

    /// <summary>Creates the durable consumer, or updates it where it differs and has not been seen to before.</summary>
    private async Task EnsureConsumerAsync(ConsumerDefinition definition, CancellationToken cancellationToken)
    {
        var what = Name(definition);
        var consumer = await FindAsync(definition, cancellationToken) ?? await CreateAsync(definition, cancellationToken);
        var wanted = definition.Configure(consumer.Info.Config);
        if (Drift.Between(consumer.Info.Config, wanted) is { } drift && MayChange(what))
        {
            if (consumer.Info.Config.FilterSubject != wanted.FilterSubject && !AppliesChangedFilters(_connection.ServerInfo))
                throw new NatsJSException($"{drift}, and nats-server {_connection.ServerInfo?.Version} takes a changed filter without applying it: " +
                    "delete the consumer, give it another name, or run nats-server 2.10 or later");
            try
            {
                consumer = await _jetStream.UpdateConsumerAsync(definition.Stream, wanted, cancellationToken);
            }
            catch (NatsJSApiException e)
            {
                throw new NatsJSException(Refused(drift, e), e);
            }
            _log.ConsumerProvisioned(definition.Name, definition.Stream, $"updated: {drift}");
        }
        _settled[what] = true;
        Compare(definition, consumer.Info.Config);
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
                await CompareConsumersAsync(stopping);
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
                await EnsureStreamAsync(definition, isSetup: false, cancellationToken);
            }
            catch (NatsException e) when (_broker.IsOpen)
            {
                if (IsTimeToLog($"{definition.Name}: {e.Message}"))
                    _log.TopologyDrift(definition.Name, e.Message);
                troubles.Add($"stream {definition.Name}: {e.Message}");
            }
        }
        Trouble = troubles.Count == 0 ? null : string.Join("; ", troubles);
    }

    private async Task EnsureStreamAsync(StreamDefinition definition, bool isSetup, CancellationToken cancellationToken)
    {
        var what = $"stream {definition.Name}";
        var existing = await FindAsync(definition, cancellationToken) ?? await CreateAsync(definition, cancellationToken);
        var wanted = definition.Configure(existing, _options.Replicas);
        var attainable = isSetup && _options.AllowLoss ? wanted : wanted.OnlyGrown(existing);
        string? refused = null;
        if (Drift.Between(existing, attainable) is { } change && MayChange(what))
        {
            try
            {
                await _jetStream.UpdateStreamAsync(attainable, cancellationToken);
                existing = attainable;
                _log.StreamProvisioned(definition.Name, $"updated: {change}");
            }
            catch (NatsJSApiException e)
            {
                refused = Refused(change, e);
            }
        }
        if (!existing.Serves(wanted) || (isSetup && refused is not null))
            throw new NatsJSException(refused ?? Drift.Between(existing, wanted)!);
        if (refused is null)
            _settled[what] = true;
        Tell(what, refused ?? Drift.Between(existing, wanted));
    }

    private async Task<StreamConfig?> FindAsync(StreamDefinition definition, CancellationToken cancellationToken)
    {
        try
        {
            return (await _jetStream.GetStreamAsync(definition.Name, cancellationToken: cancellationToken)).Info.Config;
        }
        catch (NatsJSApiException e) when (e.Error.Code is NotFound)
        {
            return _options.Provision ? null : throw NotProvisioned($"stream {definition.Name}", e);
        }
    }

    private async Task<StreamConfig> CreateAsync(StreamDefinition definition, CancellationToken cancellationToken)
    {
        var config = definition.Configure(new StreamConfig(definition.Name, definition.Subjects), _options.Replicas);
        try
        {
            await _jetStream.CreateStreamAsync(config, cancellationToken);
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode is NameInUse)
        {
            // A replica that wants it otherwise was faster.
            return (await _jetStream.GetStreamAsync(definition.Name, cancellationToken: cancellationToken)).Info.Config;
        }
        _log.StreamProvisioned(definition.Name, "created");
        return config;
    }

    private async Task<INatsJSConsumer?> FindAsync(ConsumerDefinition definition, CancellationToken cancellationToken)
    {
        try
        {
            return await _jetStream.GetConsumerAsync(definition.Stream, definition.Name, cancellationToken);
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode is ConsumerNotFound)
        {
            return _options.Provision ? null : throw NotProvisioned($"{Name(definition)} on stream {definition.Stream}", e);
        }
    }

    private async Task<INatsJSConsumer> CreateAsync(ConsumerDefinition definition, CancellationToken cancellationToken)
    {
        var start = await _starts.RememberAsync(definition, cancellationToken);
        var consumer = await _jetStream.CreateConsumerAsync(
            definition.Stream, definition.Configure(new ConsumerConfig(definition.Name)).BeginningAt(start), cancellationToken);
        _log.ConsumerProvisioned(definition.Name, definition.Stream, "created");
        return consumer;
    }

    private async Task CompareConsumersAsync(CancellationToken cancellationToken)
    {
        foreach (var definition in _consumers.Where(definition => _settled.ContainsKey(Name(definition))))
        {
            try
            {
                Compare(definition, (await _jetStream.GetConsumerAsync(definition.Stream, definition.Name, cancellationToken)).Info.Config);
            }
            catch (NatsException)
            {
                // It is gone, or the broker is: whoever consumes finds out and makes it again.
            }
        }
    }

    private void Compare(ConsumerDefinition definition, ConsumerConfig actual)
    {
        _ackWaits[definition.Name] = actual.AckWait;
        Tell(Name(definition), Drift.Between(actual, definition.Configure(actual)));
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

    private static string Name(ConsumerDefinition definition) => $"consumer {definition.Name}";

    private static NatsJSException NotProvisioned(string what, NatsJSApiException e) =>
        new($"{what} does not exist, and Messaging:Provision is false: run the service's setup command", e);

    private bool MayChange(string what) => _options.Provision && !_settled.ContainsKey(what);

    private static string Refused(string drift, NatsJSApiException e) => $"{drift}, and the broker refuses: {e.Message}";

    /// <summary>Tells once of what is left as it is, and again when it is something else.</summary>
    private void Tell(string what, string? difference)
    {
        if (difference is null)
            _differences.TryRemove(what, out _);
        else if (!_differences.TryGetValue(what, out var told) || told != difference)
        {
            _differences[what] = difference;
            _log.DifferenceLeft(what, difference);
        }
    }
}
