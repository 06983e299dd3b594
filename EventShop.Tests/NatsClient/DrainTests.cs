using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class DrainTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task Closing_with_a_drain_lets_a_consumer_finish_and_sends_its_acknowledgements()
    {
        await using var observer = Connect(nats.Server.Url);
        var js = observer.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 50);
        var observed = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("drained"), Ct);

        var draining = Connect(
            nats.Server.Url,
            opts => opts with { DrainSubscriptionsOnDispose = true, ConsumerDrainOnDisposeTimeout = TimeSpan.FromSeconds(20) });
        var consumer = await draining.CreateJetStreamContext().GetConsumerAsync(stream.Info.Config.Name!, "drained", Ct);
        var gate = new TaskCompletionSource();
        var seen = 0;
        var consuming = Task.Run(
            async () =>
            {
                var opts = new NatsJSConsumeOpts { MaxMsgs = 50 };
                await foreach (var msg in consumer.ConsumeAsync<int>(opts: opts, cancellationToken: Ct))
                {
                    seen++;
                    await gate.Task;
                    await msg.AckAsync(cancellationToken: Ct);
                }
            },
            Ct);
        await Eventually.True("all messages are delivered", async () => await AckPendingAsync(observed) == 50);

        var closing = draining.DisposeAsync().AsTask();
        Assert.False(closing.IsCompleted);
        gate.SetResult();
        await closing;
        await consuming;

        Assert.Equal(50, seen);
        await Eventually.True("every acknowledgement has arrived", async () => await AckPendingAsync(observed) == 0);
    }

    [Fact(Timeout = Limit)]
    public async Task Closing_ends_subscriptions_and_further_use_fails()
    {
        var connection = Connect(nats.Server.Url);
        var sub = await connection.SubscribeCoreAsync<int>(Unique("closing."), cancellationToken: Ct);

        await connection.DisposeAsync();

        Assert.Empty(await sub.Msgs.ReadAllAsync(Ct).ToListAsync(Ct));
        await connection.DisposeAsync();
    }
}
