using EventShop.Tests.Servers;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class ConsumeTests(SharedNats nats) : IClassFixture<SharedNats>
{
    /// <summary>Short enough to notice a dead server within a second.</summary>
    private static readonly NatsJSConsumeOpts Alert = new()
    {
        MaxMsgs = 50,
        Expires = TimeSpan.FromSeconds(2),
        IdleHeartbeat = TimeSpan.FromMilliseconds(500),
    };

    [Fact(Timeout = Limit)]
    public async Task Every_message_is_delivered_in_order()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 500);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("all"), Ct);

        var seen = new List<int>();
        await foreach (var msg in consumer.ConsumeAsync<int>(opts: new NatsJSConsumeOpts { MaxMsgs = 10 }, cancellationToken: Ct))
        {
            seen.Add(msg.Data);
            await msg.AckAsync(cancellationToken: Ct);
            if (seen.Count == 500)
            {
                break;
            }
        }

        Assert.Equal(Enumerable.Range(0, 500), seen);
        await Eventually.True("all is acknowledged", async () => await AckPendingAsync(consumer) == 0);
    }

    [Fact(Timeout = Limit)]
    public async Task Only_so_many_messages_are_requested_ahead()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 100);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("few"), Ct);

        await using var msgs = consumer
            .ConsumeAsync<int>(
                opts: new NatsJSConsumeOpts { MaxMsgs = 10, ThresholdMsgs = 5 }, cancellationToken: Ct).GetAsyncEnumerator(Ct);
        Assert.True(await msgs.MoveNextAsync());

        await Eventually.True("ten are delivered", async () => await AckPendingAsync(consumer) == 10);
        for (var i = 0; i < 4; i++)
        {
            Assert.True(await msgs.MoveNextAsync());
        }

        Assert.Equal(10, await AckPendingAsync(consumer));
        Assert.True(await msgs.MoveNextAsync());
        await Eventually.True("five more are requested at the threshold", async () => await AckPendingAsync(consumer) == 15);
    }

    [Fact(Timeout = Limit)]
    public async Task Messages_published_later_arrive_too()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("live"), Ct);
        await using var msgs = consumer.ConsumeAsync<int>(opts: Alert, cancellationToken: Ct).GetAsyncEnumerator(Ct);

        // Each wait outlives the pull request before it.
        var first = msgs.MoveNextAsync().AsTask();
        await Assert.ThrowsAsync<TimeoutException>(() => first.WaitAsync(Alert.Expires!.Value * 1.5, Ct));
        await PublishAsync(js, stream, 1);

        Assert.True(await first);
        Assert.Equal(0, msgs.Current.Data);
    }

    [Fact(Timeout = Limit)]
    public async Task Cancelling_ends_the_enumeration_without_an_exception()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 3);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("stop"), Ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var seen = 0;
        await foreach (var msg in consumer.ConsumeAsync<int>(cancellationToken: stop.Token))
        {
            if (++seen == 3)
            {
                stop.CancelAfter(TimeSpan.FromMilliseconds(50));
            }
        }

        Assert.Equal(3, seen);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await consumer.ConsumeAsync<int>(cancellationToken: stop.Token).FirstOrDefaultAsync(stop.Token));
    }

    [Fact(Timeout = Limit)]
    public async Task Consuming_goes_on_after_the_server_was_killed()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var consumer = await stream.CreateOrUpdateConsumerAsync(
            new ConsumerConfig("survivor") { AckWait = TimeSpan.FromSeconds(2) }, Ct);
        await PublishAsync(js, stream, 10);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var seen = new HashSet<int>();
        var consuming = Task.Run(
            async () =>
            {
                await foreach (var msg in consumer.ConsumeAsync<int>(opts: Alert, cancellationToken: stop.Token))
                {
                    lock (seen)
                    {
                        seen.Add(msg.Data);
                    }

                    await msg.AckAsync(cancellationToken: Ct);
                }
            },
            Ct);
        await Eventually.True("the first messages are there", () => Seen() == 10);

        server.Kill();
        await server.RestartAsync();
        for (var i = 10; i < 20; i++)
        {
            var number = i;
            await Eventually.True("the publish is stored", async () =>
                (await js.TryPublishAsync(
                    $"{stream.Info.Config.Name}.n", number, opts: new NatsJSPubOpts { MsgId = $"{number}" }, cancellationToken: Ct)).Success);
        }

        await Eventually.True("the later messages are there", () => Seen() == 20, TimeSpan.FromSeconds(40));
        await stop.CancelAsync();
        await consuming;

        int Seen()
        {
            lock (seen)
            {
                return seen.Count;
            }
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Missing_heartbeats_are_notified_and_consuming_goes_on()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 1);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("alert"), Ct);
        var notified = new TaskCompletionSource<INatsJSNotification>();
        var opts = Alert with
        {
            NotificationHandler = (notification, _) =>
            {
                notified.TrySetResult(notification);
                return Task.CompletedTask;
            },
        };
        await using var msgs = consumer.ConsumeAsync<int>(opts: opts, cancellationToken: Ct).GetAsyncEnumerator(Ct);
        Assert.True(await msgs.MoveNextAsync());
        var next = msgs.MoveNextAsync().AsTask();

        server.Pause();
        Assert.IsType<NatsJSTimeoutNotification>(await notified.Task.WaitAsync(Ct));
        server.Resume();
        await js.PublishAsync($"{stream.Info.Config.Name}.n", 7, cancellationToken: Ct);

        Assert.True(await next);
        Assert.Equal(7, msgs.Current.Data);
    }

    [Fact(Timeout = Limit)]
    public async Task A_deleted_consumer_ends_consuming_with_an_exception()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 1);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("gone"), Ct);
        await using var msgs = consumer.ConsumeAsync<int>(opts: Alert, cancellationToken: Ct).GetAsyncEnumerator(Ct);
        Assert.True(await msgs.MoveNextAsync());
        var next = msgs.MoveNextAsync().AsTask();

        await stream.DeleteConsumerAsync("gone", Ct);

        var ended = await Assert.ThrowsAsync<NatsJSProtocolException>(() => next);
        Assert.Equal(409, ended.HeaderCode);
    }

    [Fact(Timeout = Limit)]
    public async Task Options_are_checked_when_consuming_starts()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("strict"), Ct);
        NatsJSConsumeOpts[] wrong =
        [
            new() { MaxMsgs = 1, MaxBytes = 1 },
            new(),
            new() { MaxMsgs = 1, ThresholdMsgs = 2 },
            new() { MaxMsgs = 1, Expires = TimeSpan.FromMilliseconds(999) },
            new() { MaxMsgs = 1, IdleHeartbeat = TimeSpan.FromMilliseconds(499) },
            new() { MaxMsgs = 1, IdleHeartbeat = TimeSpan.FromSeconds(31) },
        ];
        foreach (var opts in wrong)
        {
            await Assert.ThrowsAsync<NatsJSException>(
                async () => await consumer.ConsumeAsync<int>(opts: opts, cancellationToken: Ct).FirstOrDefaultAsync(Ct));
        }
    }
}
