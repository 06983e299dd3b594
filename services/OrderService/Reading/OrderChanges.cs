using System.Text.Json;
using EventShop.Contracts;
using EventShop.Hosting;
using NATS.Client.Core;

namespace OrderService;

/// <summary>
/// Wakes those who watch an order when it has changed, whichever replica changed it. What the broker carries is only the hint: the
/// history is read from the database, so that a hint that is lost makes an answer late and nothing else.
/// </summary>
public sealed class OrderChanges(INatsConnection connection, Supervisor supervisor, TimeProvider clock, ILogger<OrderChanges> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>An order changes after its creation only, and most orders are watched by nobody: that one is not listened to.</summary>
    private static readonly string[] Subjects =
        [OrderPaid.Subject, OrderDeclined.Subject, OrderCancelled.Subject, OrderCancellationRequested.Subject];

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, List<Watch>> _watches = [];

    /// <summary>What an event says of which order it is about.</summary>
    public sealed record Hint(Guid OrderId);

    /// <summary>Watches an order until it is disposed of.</summary>
    public Watch Begin(Guid orderId)
    {
        var watch = new Watch(this, orderId);
        lock (_lock)
        {
            if (!_watches.TryGetValue(orderId, out var watches))
                _watches[orderId] = watches = [];
            watches.Add(watch);
        }
        return watch;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(Subjects.Select(subject =>
        supervisor.RunAsync($"watch of {subject}", stopping => ListenAsync(subject, stopping), log, stoppingToken)));

    private async Task ListenAsync(string subject, CancellationToken stopping)
    {
        // Connecting is not its business, and while the broker is away there is nothing to hear.
        while (connection.ConnectionState is not NatsConnectionState.Open)
            await Task.Delay(Pause, clock, stopping);
        await foreach (var message in connection.SubscribeAsync<byte[]>(subject, cancellationToken: stopping))
            Tell(message.Data ?? []);
    }

    private void Tell(byte[] body)
    {
        if (_watches.Count == 0)
            return;
        var hint = JsonSerializer.Deserialize(body, OrderJson.Default.Hint);
        lock (_lock)
        {
            if (hint is not null && _watches.TryGetValue(hint.OrderId, out var watches))
                foreach (var watch in watches)
                    watch.Wake();
        }
    }

    private void End(Watch watch, Guid orderId)
    {
        lock (_lock)
        {
            if (_watches.TryGetValue(orderId, out var watches) && watches.Remove(watch) && watches.Count == 0)
                _watches.Remove(orderId);
        }
    }

    /// <summary>One who watches an order.</summary>
    public sealed class Watch : IDisposable
    {
        private readonly OrderChanges _changes;
        private readonly Guid _orderId;
        private readonly SemaphoreSlim _changed = new(0);

        internal Watch(OrderChanges changes, Guid orderId) => (_changes, _orderId) = (changes, orderId);

        /// <summary>Waits until the order may have changed since the watch began, or since the last wait, but no longer than so long.</summary>
        public Task WaitAsync(TimeSpan limit, CancellationToken cancellationToken) => _changed.WaitAsync(limit, cancellationToken);

        public void Dispose() => _changes.End(this, _orderId);

        internal void Wake() => _changed.Release();
    }
}
