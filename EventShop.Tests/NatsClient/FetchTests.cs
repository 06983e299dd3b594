using System.Diagnostics;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class FetchTests(SharedNats nats) : IClassFixture<SharedNats>
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    [Fact(Timeout = Limit)]
    public async Task A_fetch_ends_with_its_last_message()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 25);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("batch"), Ct);

        var opts = new NatsJSFetchOpts { MaxMsgs = 10, Expires = TimeSpan.FromMinutes(1), IdleHeartbeat = TimeSpan.FromSeconds(5) };
        Assert.Equal(Enumerable.Range(0, 10), await DataAsync(consumer.FetchAsync<int>(opts, cancellationToken: Ct)));
        Assert.Equal(Enumerable.Range(10, 10), await DataAsync(consumer.FetchAsync<int>(opts, cancellationToken: Ct)));
        var brief = opts with { Expires = Shortest, IdleHeartbeat = null };
        Assert.Equal(Enumerable.Range(20, 5), await DataAsync(consumer.FetchAsync<int>(brief, cancellationToken: Ct)));
    }

    [Fact(Timeout = Limit)]
    public async Task A_message_is_handed_out_before_the_fetch_is_complete()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 1);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("stream"), Ct);
        var opts = new NatsJSFetchOpts { MaxMsgs = 2, Expires = TimeSpan.FromSeconds(20) };
        await using var msgs = consumer.FetchAsync<int>(opts, cancellationToken: Ct).GetAsyncEnumerator(Ct);

        Assert.True(await msgs.MoveNextAsync());
        await PublishAsync(js, stream, 1);
        Assert.True(await msgs.MoveNextAsync());
        Assert.False(await msgs.MoveNextAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task A_fetch_by_bytes_ends_when_they_are_used_up()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        for (var i = 0; i < 10; i++)
        {
            await js.PublishAsync($"{stream.Info.Config.Name}.n", new byte[1_000], cancellationToken: Ct);
        }

        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("bytes"), Ct);
        var opts = new NatsJSFetchOpts { MaxBytes = 5_000, Expires = Shortest };
        var msgs = await consumer.FetchAsync<byte[]>(opts, cancellationToken: Ct).ToListAsync(Ct);

        Assert.InRange(msgs.Count, 3, 4);
    }

    [Fact(Timeout = Limit)]
    public async Task A_fetch_without_waiting_takes_what_is_there()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("now"), Ct);
        var opts = new NatsJSFetchOpts { MaxMsgs = 10 };

        var started = Stopwatch.GetTimestamp();
        Assert.Empty(await DataAsync(consumer.FetchNoWaitAsync<int>(opts, cancellationToken: Ct)));
        await PublishAsync(js, stream, 3);
        Assert.Equal([0, 1, 2], await DataAsync(consumer.FetchNoWaitAsync<int>(opts, cancellationToken: Ct)));

        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(15), "it waited for the default of 30 seconds");
    }

    [Fact(Timeout = Limit)]
    public async Task The_next_message_or_none_in_time()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, 1);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("next"), Ct);

        var next = await consumer.NextAsync<int>(cancellationToken: Ct);
        var none = await consumer.NextAsync<int>(opts: new NatsJSNextOpts { Expires = Shortest }, cancellationToken: Ct);

        Assert.Equal(0, next?.Data);
        Assert.Null(none);
    }

    [Fact(Timeout = Limit)]
    public async Task A_consumer_deleted_meanwhile_ends_the_fetch_with_an_exception()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("gone"), Ct);
        await using var msgs = consumer.FetchAsync<int>(
            new NatsJSFetchOpts { MaxMsgs = 1 }, cancellationToken: Ct).GetAsyncEnumerator(Ct);
        var next = msgs.MoveNextAsync().AsTask();
        await Eventually.True("the request waits at the server", async () =>
        {
            await consumer.RefreshAsync(Ct);
            return consumer.Info.NumWaiting == 1;
        });

        await stream.DeleteConsumerAsync("gone", Ct);

        Assert.Equal(409, (await Assert.ThrowsAsync<NatsJSProtocolException>(() => next)).HeaderCode);
    }

    [Fact(Timeout = Limit)]
    public async Task Options_are_checked_when_the_fetch_starts()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var consumer = await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("strict"), Ct);
        NatsJSFetchOpts[] wrong = [new() { MaxMsgs = 1, MaxBytes = 1 }, new(), new() { MaxMsgs = 1, Expires = TimeSpan.FromMilliseconds(999) }];
        foreach (var opts in wrong)
        {
            await Assert.ThrowsAsync<NatsJSException>(
                async () => await consumer.FetchAsync<int>(opts, cancellationToken: Ct).FirstOrDefaultAsync(Ct));
        }
    }

    private static Task<List<int>> DataAsync(IAsyncEnumerable<INatsJSMsg<int>> msgs) =>
        msgs.Select(msg => msg.Data).ToListAsync(Ct).AsTask();
}
