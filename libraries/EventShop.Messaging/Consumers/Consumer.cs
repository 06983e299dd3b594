using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using EventShop.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>
/// Pulls messages for a durable consumer and has them handled by a number of workers. Pulls only what it has room for, so that
/// pausing and draining are a matter of not pulling again: nothing lies in a buffer that nobody renews.
/// </summary>
internal sealed class Consumer : BackgroundService
{
    private const string NotConnected = "not connected";

    /// <summary>How long a handler that is cut off, and the handing back of its message, may take. After that its message comes again by itself.</summary>
    private static readonly TimeSpan CutOffLimit = TimeSpan.FromSeconds(1);

    private readonly ConsumerDefinition _definition;
    private readonly Topology _topology;
    private readonly BrokerConnection _broker;
    private readonly INatsJSContext _jetStream;
    private readonly MessageProcessor _processor;
    private readonly ConsumptionGate _gate;
    private readonly Deliveries _held;
    private readonly Settlement _settlement;
    private readonly Supervisor _supervisor;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Channel<Delivery> _received = Channel.CreateUnbounded<Delivery>();
    private string? _trouble = "not started";
    private long _finishedAt;
    private int _finished;
    private int _returned;

    public Consumer(
        ConsumerDefinition definition, Topology topology, BrokerConnection broker, INatsJSContext jetStream, MessageProcessor processor,
        ConsumptionGate gate, Settlement settlement, Supervisor supervisor, TimeProvider clock, ILogger<Consumer> log)
    {
        (_definition, _topology, _broker, _jetStream) = (definition, topology, broker, jetStream);
        (_processor, _gate, _settlement, _supervisor, _clock, _log) = (processor, gate, settlement, supervisor, clock, log);
        _held = new Deliveries(Options.EffectivePrefetch, () => topology.AckWaitOf(definition), settlement, broker, clock);
    }

    public string Name => _definition.Name;

    private ConsumerOptions Options => _definition.Options;

    /// <summary>Null while messages are being consumed; otherwise why not.</summary>
    public string? Trouble => _trouble ?? Standstill();

    /// <summary>Stop pulling, finish what is being handled, hand back what is not, and see the acknowledgements out.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stop = _supervisor.FollowStop(stoppingToken);
        // Not disposed of: a handler that is left behind still has its token.
        var abort = new CancellationTokenSource();
        using var idle = new CancellationTokenSource();
        var renewing = Supervised.RunAsync($"{Name} renewal", _held.RenewAsync, _clock, _log, idle.Token);
        var workers = Enumerable.Range(0, Options.Workers)
            .Select(_ => Supervised.RunAsync($"{Name} worker", stopping => WorkAsync(stopping, abort.Token), _clock, _log, stop.Token))
            .ToArray();

        await Supervised.RunAsync(Name, PullAsync, _clock, _log, stop.Token);
        _trouble = "stopping";
        await FinishAsync(Task.WhenAll(workers), abort);

        var returning = new List<Task>();
        while (_received.Reader.TryRead(out var delivery))
            returning.Add(_settlement.ReturnAsync(delivery));
        await Task.WhenAll(returning);
        if (!await _broker.FlushAsync())
            _log.AcknowledgementsUncertain(Name);
        await idle.CancelAsync();
        await renewing;
        _log.Drained(Name, _finished, _returned + returning.Count);
    }

    private async Task PullAsync(CancellationToken stopping)
    {
        try
        {
            if (!_broker.IsOpen)
                _trouble = NotConnected;
            await _topology.ProvideConsumerAsync(_definition, trouble => _trouble = trouble, stopping);
            _trouble = null;
            while (!stopping.IsCancellationRequested)
            {
                await _gate.WaitAsync(stopping);
                var room = await _held.WaitForRoomAsync(stopping);
                if (!_broker.IsOpen)
                {
                    _trouble = NotConnected;
                    await _broker.WaitUntilOpenAsync(stopping);
                    _trouble = null;
                }

                await foreach (var delivery in _jetStream.PullAsync(_definition, room, Options.PullExpiry, _clock, stopping))
                {
                    _held.Add(delivery);
                    _received.Writer.TryWrite(delivery);
                }
            }
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            _trouble = e.Message;
            // A lost connection is logged elsewhere.
            if (e is not NatsException || _broker.IsOpen)
                throw;
        }
    }

    /// <returns>Null while the messages in hand come to an end; otherwise since when none has, and what the oldest waits for.</returns>
    private string? Standstill()
    {
        if (_held.Oldest is not { } oldest)
            return null;
        var standing = _clock.GetElapsedTime(Math.Max(Volatile.Read(ref _finishedAt), oldest.ReceivedAt));
        return standing < Options.StandstillLimit
            ? null
            : $"{_held.Count} messages in hand, none finished for {standing.TotalSeconds:0} s: {oldest.Hindrance ?? "their handlers do not end"}";
    }

    private async Task WorkAsync(CancellationToken stopping, CancellationToken abort)
    {
        while (await _received.Reader.WaitToReadAsync(stopping))
            while (!stopping.IsCancellationRequested && _received.Reader.TryRead(out var delivery))
                try
                {
                    if (await _processor.ProcessAsync(delivery, stopping, abort))
                        Interlocked.Increment(ref _finished);
                    else
                        Interlocked.Increment(ref _returned);
                }
                finally
                {
                    Volatile.Write(ref _finishedAt, _clock.GetTimestamp());
                    // Whatever happened: what nobody works on is not renewed, so that it comes again.
                    _held.Remove(delivery);
                }
    }

    /// <summary>
    /// Waits for the handlers as long as they make progress. Where none finishes for <see cref="ConsumerOptions.StallTimeout"/>, what they wait
    /// for is away: they are cut off, and their messages handed back.
    /// </summary>
    private async Task FinishAsync(Task workers, CancellationTokenSource abort)
    {
        var started = _clock.GetTimestamp();
        while (!workers.IsCompleted)
        {
            var finished = Volatile.Read(ref _finished);
            var left = Options.DrainTimeout - _clock.GetElapsedTime(started);
            await workers.WaitAsync(Between(left, TimeSpan.Zero, Options.StallTimeout), _clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (finished == Volatile.Read(ref _finished) || _clock.GetElapsedTime(started) >= Options.DrainTimeout)
                break;
        }

        var cancelling = abort.CancelAsync();
        await Task.WhenAll(cancelling, workers).WaitAsync(CutOffLimit, _clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static TimeSpan Between(TimeSpan time, TimeSpan least, TimeSpan most) => time < least ? least : time > most ? most : time;
}

/// <summary>One pull from a durable consumer.</summary>
internal static class Pull
{
    // What the broker says of a pull, in the status line of a message without a body.
    private const int IdleHeartbeat = 100;
    private const int NoMessages = 404;
    private const int Expired = 408;

    /// <summary>How long after its expiry the broker's word of a pull's end may take to get here.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    /// <summary>How long what is on its way may take to get here once no more is wanted.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Asks for messages and returns them as they come, until there are enough, the pull expires, the connection is lost, or
    /// <paramref name="stopping"/> is cancelled. Then the inbox is drained: what the broker has delivered to it is returned too, so that no
    /// message is delivered to nobody.
    /// </summary>
    /// <remarks>
    /// The client's own <c>FetchAsync</c> does not drain: cancelled, it leaves messages behind which it has received, and they come again only
    /// after AckWait. One that expires while it is being served may end without a word of the broker (seen of nats-server 2.15.1).
    /// </remarks>
    /// <exception cref="NatsJSException">The broker did not answer, or refused: the consumer may be gone.</exception>
    public static async IAsyncEnumerable<Delivery> PullAsync(
        this INatsJSContext jetStream, ConsumerDefinition consumer, int room, TimeSpan expiry, TimeProvider clock,
        [EnumeratorCancellation] CancellationToken stopping)
    {
        var connection = jetStream.Connection;
        // An inbox of its own: what JetStream delivers keeps its subject, by which the client's shared inbox would not know it. And without the
        // token, with which it would end undrained.
        await using var inbox = await connection
            .SubscribeCoreAsync(jetStream.NewBaseInbox(), serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: CancellationToken.None).AsTask().WaitAsync(stopping);
        using var expired = new CancellationTokenSource(expiry + Grace, clock);
        using var lost = new CancellationTokenSource();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping, expired.Token, lost.Token);
        var draining = Task.CompletedTask;
        using var registration = over.Token.UnsafeRegister(_ => draining = DrainAsync(connection, inbox), null);
        var isAnswered = false;
        connection.ConnectionDisconnected += LostAsync;
        try
        {
            // Nobody waits for it: a connection that is lost now ends the inbox.
            var asking = connection.PublishAsync(
                $"{jetStream.Opts.Prefix}.CONSUMER.MSG.NEXT.{consumer.Stream}.{consumer.Name}", Request(room, expiry),
                replyTo: inbox.Subject, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: CancellationToken.None).AsTask();
            await foreach (var message in inbox.Msgs.ReadAllAsync(CancellationToken.None))
            {
                isAnswered = true;
                if (message.Subject == inbox.Subject)
                {
                    if (message.Headers is { Code: NoMessages or Expired })
                        break;
                    if (message.Headers is not { Code: IdleHeartbeat })
                        throw new NatsJSException($"a pull was refused: {message.Headers?.Code} {message.Headers?.MessageText}");
                    continue;
                }

                yield return new Delivery(new NatsJSMsg<byte[]>(message, jetStream), clock.GetTimestamp());
                if (--room == 0)
                    break;
            }

            await draining;
            if (!isAnswered && expired.IsCancellationRequested && !lost.IsCancellationRequested && !stopping.IsCancellationRequested)
                throw new NatsJSException("a pull was not answered", asking.Exception!);
        }
        finally
        {
            connection.ConnectionDisconnected -= LostAsync;
        }

        async ValueTask LostAsync(object? sender, NatsEventArgs e) => await lost.CancelAsync();
    }

    /// <summary>The inbox ends when what was delivered to it before is in it.</summary>
    private static async Task DrainAsync(INatsConnection connection, INatsSub<byte[]> inbox)
    {
        if (connection.ConnectionState is not NatsConnectionState.Open)
        {
            await inbox.UnsubscribeAsync();
            return;
        }

        using var limit = new CancellationTokenSource(DrainLimit);
        await inbox.DrainAsync(limit.Token);
    }

    /// <summary>Heartbeats tell a broker that has no messages from one that does not answer.</summary>
    private static byte[] Request(int room, TimeSpan expiry) => Encoding.ASCII.GetBytes(
        $$"""{"batch":{{room}},"expires":{{Nanoseconds(expiry)}},"idle_heartbeat":{{Nanoseconds(expiry / 2)}}}""");

    private static long Nanoseconds(TimeSpan time) => (long)(time.TotalMicroseconds * 1000);
}
