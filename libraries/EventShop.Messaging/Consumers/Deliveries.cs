using System.Collections.Concurrent;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>The messages this process holds: bounds how many, and renews the broker's patience with each from its receipt on.</summary>
internal sealed class Deliveries(int capacity, Func<TimeSpan> ackWait, Settlement settlement, BrokerConnection broker, TimeProvider clock)
{
    /// <summary>Half of a third of the shortest AckWait.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<ulong, Delivery> _held = new();
    private readonly SemaphoreSlim _returned = new(0);

    public int Count => _held.Count;

    /// <summary>The one held for longest; null when none is.</summary>
    public Delivery? Oldest => _held.Values.MinBy(delivery => delivery.ReceivedAt);

    /// <summary>Waits until half the capacity is free, so that a pull is worth its round trip.</summary>
    /// <returns>How many more messages may be held.</returns>
    public async Task<int> WaitForRoomAsync(CancellationToken cancellationToken)
    {
        while (capacity - _held.Count is var free && free < (capacity + 1) / 2)
            await _returned.WaitAsync(cancellationToken);
        return capacity - _held.Count;
    }

    public void Add(Delivery delivery) => _held[delivery.Sequence] = delivery;

    public void Remove(Delivery delivery)
    {
        // A message whose wait ran out may have come a second time meanwhile: only this delivery of it ends.
        _held.TryRemove(new(delivery.Sequence, delivery));
        if (_returned.CurrentCount == 0)
            _returned.Release();
    }

    /// <summary>Tells the broker of every held message, each third of AckWait, that it is still being worked on.</summary>
    public async Task RenewAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(Tick, clock);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            var due = (ackWait() / 3) - Tick;
            foreach (var delivery in _held.Values)
                if (broker.IsOpen && clock.GetElapsedTime(delivery.RenewedAt) >= due)
                {
                    delivery.RenewedAt = clock.GetTimestamp();
                    await settlement.RenewAsync(delivery);
                }
        }
    }
}

/// <summary>One message in this process's hands, from its receipt until it is settled.</summary>
internal sealed class Delivery(INatsJSMsg<byte[]> message, long receivedAt)
{
    public INatsJSMsg<byte[]> Message { get; } = message;

    public NatsJSMsgMetadata Metadata { get; } = message.Metadata ?? throw new NatsJSException("A JetStream message without an ack subject");

    /// <summary>When it was received, as a timestamp of the <see cref="TimeProvider"/>.</summary>
    public long ReceivedAt { get; } = receivedAt;

    /// <summary>What kept it from being handled when it was last attempted; null when nothing has.</summary>
    public string? Hindrance { get; set; }

    /// <summary>When the broker last heard of it, as a timestamp of the <see cref="TimeProvider"/>.</summary>
    public long RenewedAt { get; set; } = receivedAt;

    /// <summary>How often the broker has delivered it, this time included, whatever came of it.</summary>
    public int Deliveries => (int)Metadata.NumDelivered;

    /// <summary>Attempts that failed, as far as <see cref="Attempts"/> has been asked.</summary>
    public int Failed { get; set; }

    /// <summary>Attempts since then that were begun, the present one included, and whose end nobody knows.</summary>
    public int Begun { get; set; }

    /// <summary>Whether <see cref="Attempts"/> has an entry for it.</summary>
    public bool IsCounted { get; set; }

    /// <summary>1 at the first attempt.</summary>
    public int Attempt => Failed + 1;

    public ulong Sequence => Metadata.Sequence.Stream;
}
