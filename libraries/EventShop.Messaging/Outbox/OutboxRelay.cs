using System.Threading.Channels;
using EventShop.Hosting;
using EventShop.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Sends what was committed to the broker: from memory right after the commit, many at a time; and from the table whatever a
/// crash, a full queue or an absent broker left behind.
/// </summary>
internal sealed class OutboxRelay : BackgroundService
{
    /// <summary>The PostgreSQL channel that tells of events appended by a transaction of the application's own.</summary>
    public const string Notification = "outbox";

    /// <summary>An answer may be lost, and a stream is made again after the broker lost it; after so many attempts it is asked about.</summary>
    private const int AttemptsBeforeDoubt = 3;

    /// <summary>Nobody waits for an event to be marked, and a crash before it is has it sent once more: many are marked together.</summary>
    private static readonly TimeSpan MarkLinger = TimeSpan.FromMilliseconds(20);

    /// <summary>What a broker or a database that answers needs for all that is in memory. One that is away must not hold the stop up.</summary>
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(1);

    private readonly OutboxTable _table;
    private readonly EventPublisher _publisher;
    private readonly OutboxOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger<OutboxRelay> _log;
    private readonly Channel<(OutboxEvent Event, long OfferedAt)> _committed;
    private readonly SemaphoreSlim _slots;
    private readonly SemaphoreSlim _wakeUp = new(0);
    private readonly GroupCommit<Guid, bool> _sent;

    public OutboxRelay(
        OutboxTable table, EventPublisher publisher, OutboxOptions options, TimeProvider clock, ILogger<OutboxRelay> log)
    {
        (_table, _publisher, _options, _clock, _log) = (table, publisher, options, clock, log);
        _committed = Channel.CreateBounded<(OutboxEvent, long)>(new BoundedChannelOptions(options.Capacity) { SingleReader = true });
        _slots = new SemaphoreSlim(options.MaxInFlight);
        _sent = new GroupCommit<Guid, bool>("outbox.sent", id => id, MarkSentAsync, maxGroup: 4096, capacity: 1_000_000, MarkLinger);
    }

    /// <summary>Whether what is offered can be sent now.</summary>
    public bool IsConnected => _publisher.IsConnected;

    /// <summary>Takes a committed event. Never waits: what does not fit stays in the table for the sweep.</summary>
    public void Offer(OutboxEvent e) => _committed.Writer.TryWrite((e, _clock.GetTimestamp()));

    /// <summary>Has the table looked at now, and not at the sweep's next time.</summary>
    public void Wake()
    {
        // A sweep that is still to begin sees what is committed now.
        if (_wakeUp.CurrentCount == 0)
            _wakeUp.Release();
    }

    /// <summary>
    /// Sends what has been committed, as far as broker and database answer in time. The rest is sent by another process, or after the next start.
    /// </summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _committed.Writer.TryComplete();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StopLimit);
        await base.StopAsync(limit.Token);
        await _sent.DisposeAsync();
    }

    /// <summary>Goes on while the application stops, and until the host stops this service: until those that append events have stopped.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stop = new DetachedCancellation(stoppingToken);
        await Task.WhenAll(
            SendCommittedAsync(),
            Supervised.RunAsync("outbox sweep", SweepAsync, _clock, _log, stop.Token),
            _table.CanListen ? Supervised.RunAsync("outbox notifications", ListenAsync, _clock, _log, stop.Token) : Task.CompletedTask);
    }

    private async Task SendCommittedAsync()
    {
        await foreach (var (e, offeredAt) in _committed.Reader.ReadAllAsync())
        {
            // Its claim is about to run out: from here on it is the sweep's, perhaps in another process.
            if (_clock.GetElapsedTime(offeredAt) > _options.Claim / 2)
                continue;
            await _slots.WaitAsync();
            _ = SendAsync(new(e, Attempt: 0, ParkedAt: null));
        }

        for (var i = 0; i < _options.MaxInFlight; i++)
            await _slots.WaitAsync();
    }

    private async Task SweepAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _wakeUp.WaitAsync(_options.SweepInterval, stoppingToken);
            // While a batch waits for its answers and is marked sent, the next one is claimed and follows it.
            var sending = Task.CompletedTask;
            bool isMore;
            do
            {
                var due = _publisher.IsConnected ? await _table.ClaimDueAsync(stoppingToken) : [];
                isMore = due.Count == _options.SweepBatch;
                if (due.Count > 0)
                    ProcessStep.Reached("relay.after-claim");
                var batch = await BeginSendingAsync(due, stoppingToken);
                await sending;
                sending = batch;
            }
            while (isMore);
            await sending;
        }
    }

    /// <returns>The sending of the events, begun.</returns>
    private async Task<Task> BeginSendingAsync(IReadOnlyList<ClaimedEvent> due, CancellationToken stoppingToken)
    {
        var sending = new List<Task>(due.Count);
        foreach (var claimed in due)
        {
            await _slots.WaitAsync(stoppingToken);
            sending.Add(SendAsync(claimed));
        }
        return Task.WhenAll(sending);
    }

    /// <summary>Publishes one event and notes the broker's answer. Holds one slot until the note is on its way.</summary>
    private async Task SendAsync(ClaimedEvent claimed)
    {
        try
        {
            await await PublishAsync(claimed);
        }
        catch (Exception trouble)
        {
            // Perhaps sent, and not marked: it is sent once more, and the broker recognises its id.
            _log.EventNotMarked(claimed.Event.Id, trouble.Message);
        }
    }

    /// <returns>The noting of the answer, begun.</returns>
    private async Task<Task> PublishAsync(ClaimedEvent claimed)
    {
        var e = claimed.Event;
        try
        {
            var outcome = await _publisher.PublishAsync(e);
            if (outcome.Status is PublishStatus.Unanswered && claimed.Attempt >= AttemptsBeforeDoubt && !await _publisher.HasStreamAsync(e.Subject))
                outcome = PublishOutcome.Refused($"no stream captures the subject {e.Subject}");
            MessagingTelemetry.Relayed.Add(1, new KeyValuePair<string, object?>(MessagingTelemetry.Outcome, outcome.Status.ToString()));
            return NoteAsync(claimed, outcome);
        }
        finally
        {
            _slots.Release();
        }
    }

    private Task NoteAsync(ClaimedEvent claimed, PublishOutcome outcome)
    {
        var e = claimed.Event;
        switch (outcome.Status)
        {
            case PublishStatus.Stored:
                ProcessStep.Reached("relay.after-publish");
                if (outcome.Refusal is { } refusal)
                    _log.EventSentWithLess(e.Id, e.Type, refusal);
                if (claimed.ParkedAt is { } parkedAt)
                    _log.EventUnparked(e.Id, e.Type, parkedAt);
                return _sent.WriteAsync(e.Id);
            case PublishStatus.Refused:
                _log.EventParked(e.Id, e.Type, outcome.Reason);
                return _table.ParkAsync(e.Id, outcome.Reason!, CancellationToken.None);
            default:
                // Its claim runs out and the sweep sends it again, with the same id.
                _log.EventUnanswered(e.Id, e.Type, outcome.Reason);
                return Task.CompletedTask;
        }
    }

    private async Task<IReadOnlyList<bool>> MarkSentAsync(IReadOnlyList<Guid> ids, CancellationToken cancellationToken)
    {
        await _table.MarkSentAsync(ids, cancellationToken);
        return new bool[ids.Count];
    }

    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        await using var connection = await _table.OpenConnectionAsync(stoppingToken);
        connection.Notification += (_, _) => Wake();
        await using (var listen = new NpgsqlCommand($"listen {Notification}", connection))
            await listen.ExecuteNonQueryAsync(stoppingToken);
        while (true)
            await connection.WaitAsync(stoppingToken);
    }
}
