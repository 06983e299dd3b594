using System.Diagnostics;
using NATS.Client.JetStream;
using static EventShop.Messaging.Tests.NatsClient.NatsTest;

namespace EventShop.Messaging.Tests.NatsClient;

/// <summary>How a pull ends. Consumers/Pull.cs tells by it an idle consumer from one that is gone, and a late broker from a frozen one.</summary>
public sealed class PullTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(2);

    [Fact(Timeout = Limit)]
    public async Task Messages_are_handed_out_as_they_come_and_the_last_one_ends_it()
    {
        await using var connection = Connect(nats.Server.Url);
        var (stream, consumer) = await CreateAsync(connection, 1);
        var started = Stopwatch.GetTimestamp();
        await using var pull = Pull(consumer, 2, Long).GetAsyncEnumerator(Ct);

        Assert.True(await pull.MoveNextAsync());
        await new NatsJSContext(connection).PublishAsync($"{stream.Info.Config.Name}.n", 1, cancellationToken: Ct);
        Assert.True(await pull.MoveNextAsync());
        Assert.False(await pull.MoveNextAsync());

        Assert.True(Stopwatch.GetElapsedTime(started) < Long);
    }

    [Fact(Timeout = Limit)]
    public async Task Without_messages_it_ends_after_its_time_and_nothing_is_notified()
    {
        await using var connection = Connect(nats.Server.Url);
        var (_, consumer) = await CreateAsync(connection, 0);
        var notified = new List<INatsJSNotification>();
        var started = Stopwatch.GetTimestamp();

        Assert.Empty(await Pull(consumer, 2, Short, notified.Add).ToListAsync(Ct));

        Assert.True(Stopwatch.GetElapsedTime(started) >= Short * 0.95);
        Assert.Empty(notified);
    }

    /// <summary>nats-server 2.15 says that nobody is there, 2.9 does not.</summary>
    [Fact(Timeout = Limit)]
    public async Task From_a_consumer_that_is_not_there_it_ends_at_once_or_missing_heartbeats_are_notified()
    {
        await using var connection = Connect(nats.Server.Url);
        var (stream, consumer) = await CreateAsync(connection, 1);
        await stream.DeleteConsumerAsync("worker", Ct);
        var notified = new List<INatsJSNotification>();
        var started = Stopwatch.GetTimestamp();

        Assert.Empty(await Pull(consumer, 2, Short, notified.Add).ToListAsync(Ct));

        Assert.True(Stopwatch.GetElapsedTime(started) < Short / 2 || notified.Any(notification => notification is NatsJSTimeoutNotification));
    }

    [Fact(Timeout = Limit)]
    public async Task A_consumer_that_is_deleted_meanwhile_ends_it_with_an_exception()
    {
        await using var connection = Connect(nats.Server.Url);
        var (stream, consumer) = await CreateAsync(connection, 0);
        var pull = Pull(consumer, 2, Long).ToListAsync(Ct).AsTask();
        await Eventually.True("it waits at the broker", async () =>
        {
            await consumer.RefreshAsync(Ct);
            return consumer.Info.NumWaiting == 1;
        });

        await stream.DeleteConsumerAsync("worker", Ct);

        await Assert.ThrowsAsync<NatsJSProtocolException>(() => pull);
    }

    [Fact(Timeout = Limit)]
    public async Task A_broker_that_is_frozen_is_notified_by_its_missing_heartbeats_and_ends_it()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        var (_, consumer) = await CreateAsync(connection, 0);
        var notified = new List<INatsJSNotification>();

        server.Pause();
        Assert.Empty(await Pull(consumer, 2, Short, notified.Add).ToListAsync(Ct));
        server.Resume();

        Assert.Contains(notified, notification => notification is NatsJSTimeoutNotification);
    }

    private static IAsyncEnumerable<INatsJSMsg<int>> Pull(
        INatsJSConsumer consumer, int room, TimeSpan expiry, Action<INatsJSNotification>? notify = null) =>
        consumer.FetchAsync<int>(
            new NatsJSFetchOpts
            {
                MaxMsgs = room,
                Expires = expiry,
                NotificationHandler = (notification, _) =>
                {
                    notify?.Invoke(notification);
                    return Task.CompletedTask;
                },
            }, cancellationToken: Ct);
}
