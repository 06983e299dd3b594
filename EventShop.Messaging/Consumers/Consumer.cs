using System.Threading.Channels;
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
    private readonly ConsumerDefinition _definition;
    private readonly Topology _topology;
    private readonly INatsConnection _connection;
    private readonly MessageProcessor _processor;
    private readonly ConsumptionGate _gate;
    private readonly Deliveries _held;
    private readonly Settlement _settlement;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Channel<Delivery> _received = Channel.CreateUnbounded<Delivery>();
    private int _finished;

    public Consumer(
        ConsumerDefinition definition, Topology topology, INatsConnection connection,
        MessageProcessor processor, ConsumptionGate gate, Settlement settlement, TimeProvider clock, ILogger<Consumer> log)
    {
        (_definition, _topology, _connection) = (definition, topology, connection);
        (_processor, _gate, _settlement, _clock, _log) = (processor, gate, settlement, clock, log);
        _held = new Deliveries(Options.EffectivePrefetch, () => topology.AckWaitOf(definition), settlement, clock);
    }

    public string Name => _definition.Name;

    private ConsumerOptions Options => _definition.Options;

    /// <summary>Null while messages are being consumed; otherwise why not.</summary>
    public string? Trouble { get; private set; } = "not started";

    /// <summary>Stop pulling, finish what is being handled, hand back what is not, and see the acknowledgements out.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var abort = new CancellationTokenSource();
        using var idle = new CancellationTokenSource();
        var renewing = Supervised.RunAsync($"{Name} renewal", _held.RenewAsync, _clock, _log, idle.Token);
        var workers = Enumerable.Range(0, Options.Workers).Select(_ => WorkAsync(stoppingToken, abort.Token)).ToArray();

        await Supervised.RunAsync(Name, PullAsync, _clock, _log, stoppingToken);
        Trouble = "stopping";
        abort.CancelAfter(Options.DrainTimeout);
        await Task.WhenAll(workers);

        var returned = _held.Count;
        while (_received.Reader.TryRead(out var delivery))
            await _settlement.ReturnAsync(delivery);
        await FlushAsync();
        await idle.CancelAsync();
        await renewing;
        _log.Drained(Name, _finished, returned);
    }

    private async Task PullAsync(CancellationToken stoppingToken)
    {
        var overdue = Task.CompletedTask;
        try
        {
            var consumer = await _topology.EnsureConsumerAsync(_definition, stoppingToken);
            Trouble = null;
            while (!stoppingToken.IsCancellationRequested)
            {
                await _gate.WaitAsync(stoppingToken);
                var room = await _held.WaitForRoomAsync(stoppingToken);
                var pull = ReceiveAsync(consumer, room);
                try
                {
                    await pull.WaitAsync(Options.PullExpiry + Pull.Grace, _clock, CancellationToken.None);
                }
                catch (TimeoutException) when (!pull.IsFaulted)
                {
                    // It gets no more messages, only nobody has said so: those that come now are for the next one.
                    await overdue;
                    overdue = pull;
                }
            }
        }
        catch (NatsException e)
        {
            Trouble = e.Message;
            throw;
        }
        finally
        {
            await overdue.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReceiveAsync(INatsJSConsumer consumer, int room)
    {
        await foreach (var delivery in consumer.PullAsync(room, Options.PullExpiry, _clock))
        {
            _held.Add(delivery);
            _received.Writer.TryWrite(delivery);
        }
    }

    private async Task WorkAsync(CancellationToken stoppingToken, CancellationToken abort)
    {
        while (await WaitForMessageAsync(stoppingToken))
            while (!stoppingToken.IsCancellationRequested && _received.Reader.TryRead(out var delivery))
            {
                await _processor.ProcessAsync(delivery, stoppingToken, abort);
                _held.Remove(delivery);
                Interlocked.Increment(ref _finished);
            }
    }

    private async Task<bool> WaitForMessageAsync(CancellationToken stoppingToken)
    {
        try
        {
            return await _received.Reader.WaitToReadAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>A ping is answered after everything written before it: then the broker has the acknowledgements.</summary>
    private async Task FlushAsync()
    {
        try
        {
            using var patience = new CancellationTokenSource(Options.PullExpiry, _clock);
            await _connection.PingAsync(patience.Token);
        }
        catch (Exception e) when (e is NatsException or OperationCanceledException)
        {
            _log.SettlementFailed(Name, e.Message);
        }
    }
}
