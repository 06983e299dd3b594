using System.Threading.Channels;
using NATS.Client.Core;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class PublishSubscribeTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory(Timeout = Limit)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(1_000_000)]
    public async Task A_payload_of_any_size_arrives_as_it_was_sent(int size)
    {
        var payload = new byte[size];
        Random.Shared.NextBytes(payload);
        await using var connection = Connect(nats.Server.Url);
        await using var sub = await connection.SubscribeCoreAsync<byte[]>(Unique("sized."), cancellationToken: Ct);

        await connection.PublishAsync(sub.Subject, payload, cancellationToken: Ct);

        var msg = await sub.Msgs.ReadAsync(Ct);
        Assert.Equal(payload, msg.Data ?? []);
        Assert.Equal(size == 0, msg.IsEmpty);
    }

    [Fact(Timeout = Limit)]
    public async Task Messages_that_arrive_byte_by_byte_are_put_together()
    {
        await using var proxy = new SlicingProxy(nats.Server.Port, bytesPerWrite: 1);
        await using var connection = Connect(proxy.Url);
        await using var sub = await connection.SubscribeCoreAsync<string>(Unique("sliced."), cancellationToken: Ct);
        await connection.PingAsync(Ct);

        for (var i = 0; i < 50; i++)
        {
            var headers = i % 2 == 0 ? null : new NatsHeaders { ["number"] = $"{i}" };
            await connection.PublishAsync(
                sub.Subject, $"message {i}", headers, replyTo: i % 3 == 0 ? "reply.here" : null, cancellationToken: Ct);
        }

        for (var i = 0; i < 50; i++)
        {
            var msg = await sub.Msgs.ReadAsync(Ct);
            Assert.Equal($"message {i}", msg.Data);
            Assert.Equal(i % 2 == 0 ? null : $"{i}", (string?)msg.Headers?["number"]);
            Assert.Equal(i % 3 == 0 ? "reply.here" : null, msg.ReplyTo);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Concurrent_publishers_do_not_mix_their_messages()
    {
        const int Publishers = 8;
        const int Each = 500;
        await using var connection = Connect(
            nats.Server.Url, opts => opts with { SubPendingChannelCapacity = Publishers * Each });
        await using var sub = await connection.SubscribeCoreAsync<string>(Unique("busy."), cancellationToken: Ct);
        await connection.PingAsync(Ct);

        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(publisher => Task.Run(
            async () =>
            {
                for (var i = 0; i < Each; i++)
                {
                    await connection.PublishAsync(sub.Subject, $"{publisher}:{i}", cancellationToken: Ct);
                }
            },
            Ct)));

        var next = new int[Publishers];
        for (var i = 0; i < Publishers * Each; i++)
        {
            var parts = (await sub.Msgs.ReadAsync(Ct)).Data!.Split(':');
            Assert.Equal(next[int.Parse(parts[0])]++, int.Parse(parts[1]));
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Cancelling_an_enumeration_ends_it_without_an_exception()
    {
        await using var connection = Connect(nats.Server.Url);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var subject = Unique("endless.");
        var started = new TaskCompletionSource();
        var reading = Task.Run(
            async () =>
            {
                var seen = 0;
                await foreach (var msg in connection.SubscribeAsync<int>(subject, cancellationToken: stop.Token))
                {
                    seen++;
                    started.TrySetResult();
                }

                return seen;
            },
            Ct);
        await Eventually.True("the subscription gets a message", async () =>
        {
            await connection.PublishAsync(subject, 1, cancellationToken: Ct);
            return started.Task.IsCompleted;
        });

        await stop.CancelAsync();

        Assert.True(await reading > 0);
    }

    [Fact(Timeout = Limit)]
    public async Task A_full_subscription_drops_the_newest_message_and_says_so()
    {
        await using var connection = Connect(nats.Server.Url);
        var dropped = new TaskCompletionSource<string>();
        connection.MessageDropped += (_, args) =>
        {
            dropped.TrySetResult(args.Subject);
            return default;
        };
        var opts = new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = 2 } };
        await using var sub = await connection.SubscribeCoreAsync<int>(Unique("full."), opts: opts, cancellationToken: Ct);
        for (var i = 0; i < 5; i++)
        {
            await connection.PublishAsync(sub.Subject, i, cancellationToken: Ct);
        }

        Assert.Equal(sub.Subject, await dropped.Task.WaitAsync(Ct));
        await connection.PingAsync(Ct);
        Assert.Equal(0, (await sub.Msgs.ReadAsync(Ct)).Data);
    }

    [Fact(Timeout = Limit)]
    public async Task A_slow_reader_of_a_waiting_subscription_loses_nothing()
    {
        await using var client = new NATS.Net.NatsClient(nats.Server.Url);
        var opts = new NatsSubOpts { ChannelOpts = new NatsSubChannelOpts { Capacity = 1, FullMode = BoundedChannelFullMode.Wait } };
        await using var sub = await client.Connection.SubscribeCoreAsync<int>(
            Unique("patient."), opts: opts, cancellationToken: Ct);
        for (var i = 0; i < 100; i++)
        {
            await client.PublishAsync(sub.Subject, i, cancellationToken: Ct);
        }

        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(i, (await sub.Msgs.ReadAsync(Ct)).Data);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task A_subscription_ends_after_its_last_message_or_its_time()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var counted = await connection.SubscribeCoreAsync<int>(
            Unique("counted."), opts: new NatsSubOpts { MaxMsgs = 2 }, cancellationToken: Ct);
        await using var timed = await connection.SubscribeCoreAsync<int>(
            Unique("timed."), opts: new NatsSubOpts { Timeout = TimeSpan.FromMilliseconds(100) }, cancellationToken: Ct);
        for (var i = 0; i < 3; i++)
        {
            await connection.PublishAsync(counted.Subject, i, cancellationToken: Ct);
        }

        Assert.Equal([0, 1], await counted.Msgs.ReadAllAsync(Ct).Select(msg => msg.Data).ToListAsync(Ct));
        Assert.Empty(await timed.Msgs.ReadAllAsync(Ct).ToListAsync(Ct));
    }

    [Fact(Timeout = Limit)]
    public async Task A_queue_group_shares_its_messages()
    {
        await using var connection = Connect(nats.Server.Url);
        var subject = Unique("shared.");
        await using var one = await connection.SubscribeCoreAsync<int>(subject, "workers", cancellationToken: Ct);
        await using var two = await connection.SubscribeCoreAsync<int>(subject, "workers", cancellationToken: Ct);
        await connection.PingAsync(Ct);
        for (var i = 0; i < 100; i++)
        {
            await connection.PublishAsync(subject, i, cancellationToken: Ct);
        }

        await Eventually.True("all messages have arrived once", () => one.Msgs.Count + two.Msgs.Count == 100);
    }

    [Fact(Timeout = Limit)]
    public async Task What_would_break_the_protocol_is_refused()
    {
        await using var connection = Connect(nats.Server.Url);
        await connection.ConnectAsync();
        await Assert.ThrowsAsync<NatsException>(async () => await connection.PublishAsync("two words", 1, cancellationToken: Ct));
        await Assert.ThrowsAsync<NatsException>(
            async () => await connection.PublishAsync("line\r\nbreak", 1, cancellationToken: Ct));
        await Assert.ThrowsAsync<NatsException>(async () => await connection.PublishAsync("", 1, cancellationToken: Ct));
        await Assert.ThrowsAsync<NatsPayloadTooLargeException>(
            async () =>
                await connection.PublishAsync("large", new byte[connection.ServerInfo!.MaxPayload + 1], cancellationToken: Ct));
        Assert.True(await connection.PingAsync(Ct) > TimeSpan.Zero);
    }
}
