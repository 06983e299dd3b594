using System.Collections.Concurrent;
using NATS.Client.Core;

namespace ShopBench;

/// <summary>
/// Posts orders at a steady rate whatever the answers do, and takes the time from when each was to be posted until the broker
/// delivers the event that it is paid. So a server that stalls is charged for every order that it kept waiting, and not only for the
/// ones a client happened to have in flight (no coordinated omission).
/// </summary>
internal sealed class OpenLoop(Target target)
{
    private const int MaxConnections = 1000;

    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly ConcurrentDictionary<string, long> _intended = new();
    private readonly ConcurrentDictionary<string, long> _paid = new();
    private readonly ConcurrentBag<double> _latencies = [];
    private readonly ConcurrentStack<Poster> _idle = new();
    private int _posted;
    private int _connections;
    private int _failed;

    /// <summary>Orders answered 201 and not yet paid.</summary>
    public int Outstanding => Volatile.Read(ref _posted) - _latencies.Count;

    /// <summary>Orders that were not answered 201.</summary>
    public int Failed => _failed;

    /// <summary>Orders answered 201.</summary>
    public int Posted => _posted;

    /// <summary>Posts for that long, then waits until the last order is paid, or for <paramref name="patience"/>.</summary>
    /// <returns>Milliseconds from POST to Paid, ascending.</returns>
    public async Task<double[]> RunAsync(double perSecond, TimeSpan duration, TimeSpan patience)
    {
        using var end = new CancellationTokenSource();
        await using var connection = new NatsConnection(new NatsOpts { Url = target.Nats, SubPendingChannelCapacity = 100_000, MaxReconnectRetry = -1 });
        await connection.PingAsync();
        var watching = WatchAsync(connection, end.Token);
        var posting = new List<Task>();
        await ForEachDueAsync(perSecond, duration, intended => posting.Add(Task.Run(() => PostAsync(intended))));
        await Task.WhenAll(posting);

        var since = _clock.GetTimestamp();
        while (Outstanding > 0 && _clock.GetElapsedTime(since) < patience)
            await Task.Delay(20, end.Token);
        await end.CancelAsync();
        await watching;
        while (_idle.TryPop(out var poster))
            poster.Dispose();
        return [.. _latencies.Order()];
    }

    private async Task ForEachDueAsync(double perSecond, TimeSpan duration, Action<long> post)
    {
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(1), _clock);
        var start = _clock.GetTimestamp();
        var total = (int)(perSecond * duration.TotalSeconds);
        for (var sent = 0; sent < total && await tick.WaitForNextTickAsync();)
            for (var due = Math.Min(total, (int)(_clock.GetElapsedTime(start).TotalSeconds * perSecond)); sent < due; sent++)
                post(start + (long)(sent / perSecond * _clock.TimestampFrequency));
    }

    private async Task PostAsync(long intended)
    {
        try
        {
            if (!_idle.TryPop(out var poster))
            {
                if (Interlocked.Increment(ref _connections) > MaxConnections)
                    throw new InvalidDataException($"more than {MaxConnections} requests are unanswered");
                poster = await Poster.ConnectAsync(target);
            }
            var id = await poster.PostAsync();
            _idle.Push(poster);
            Interlocked.Increment(ref _posted);
            // The event may have been faster than the answer.
            _intended[id] = intended;
            if (_paid.TryRemove(id, out var at))
                Settle(id, at);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or System.Net.Sockets.SocketException)
        {
            if (Interlocked.Increment(ref _failed) == 1)
                await Console.Error.WriteLineAsync($"not answered 201: {e.Message}");
        }
    }

    private async Task WatchAsync(NatsConnection connection, CancellationToken end)
    {
        try
        {
            await foreach (var message in connection.SubscribeAsync<byte[]>(target.PaidSubject, cancellationToken: end))
            {
                var at = _clock.GetTimestamp();
                if (OrderId.In(message.Data, "\"orderId\":\""u8) is not { } id)
                    continue;
                _paid[id] = at;
                if (_intended.ContainsKey(id) && _paid.TryRemove(id, out at))
                    Settle(id, at);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // All are paid, or it was waited for long enough.
        }
    }

    private void Settle(string id, long at)
    {
        if (_intended.TryRemove(id, out var intended))
            _latencies.Add(_clock.GetElapsedTime(intended, at).TotalMilliseconds);
    }
}
