using NATS.Client.Core;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class RequestReplyTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task Every_request_gets_its_own_reply()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var responder = await connection.SubscribeCoreAsync<int>(Unique("double."), cancellationToken: Ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var answering = Task.Run(
            async () =>
            {
                await foreach (var msg in responder.Msgs.ReadAllAsync(stop.Token))
                {
                    await msg.ReplyAsync(msg.Data * 2, new NatsHeaders { ["for"] = $"{msg.Data}" }, cancellationToken: Ct);
                }
            },
            Ct);
        await connection.PingAsync(Ct);

        var replies = await Task.WhenAll(Enumerable.Range(1, 200).Select(
            i => connection.RequestAsync<int, int>(responder.Subject, i, cancellationToken: Ct).AsTask()));

        Assert.Equal(Enumerable.Range(1, 200).Select(i => i * 2), replies.Select(reply => reply.Data));
        Assert.Equal("7", replies[6].Headers!["for"]);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answering);
    }

    [Fact(Timeout = Limit)]
    public async Task A_request_that_nobody_listens_to_fails_at_once()
    {
        await using var connection = Connect(nats.Server.Url, opts => opts with { RequestTimeout = TimeSpan.FromMinutes(5) });
        await Assert.ThrowsAsync<NatsNoRespondersException>(
            async () => await connection.RequestAsync<string, string>(Unique("nobody."), "hello", cancellationToken: Ct));
    }

    [Fact(Timeout = Limit)]
    public async Task In_direct_mode_no_responders_are_a_message()
    {
        await using var connection = Connect(
            nats.Server.Url, opts => opts with { RequestReplyMode = NatsRequestReplyMode.Direct });
        var reply = await connection.RequestAsync<string, string>(Unique("nobody."), "hello", cancellationToken: Ct);
        Assert.True(reply.HasNoResponders);
    }

    [Fact(Timeout = Limit)]
    public async Task A_request_without_a_reply_times_out()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var silent = await connection.SubscribeCoreAsync<string>(Unique("silent."), cancellationToken: Ct);
        await connection.PingAsync(Ct);

        var opts = new NatsSubOpts { Timeout = TimeSpan.FromMilliseconds(100) };
        await Assert.ThrowsAsync<NatsNoReplyException>(
            async () =>
                await connection.RequestAsync<string, string>(silent.Subject, "hello", replyOpts: opts, cancellationToken: Ct));

        // A reply that comes too late disturbs nobody.
        await (await silent.Msgs.ReadAsync(Ct)).ReplyAsync("late", cancellationToken: Ct);
        Assert.True(await connection.PingAsync(Ct) > TimeSpan.Zero);
    }

    [Fact(Timeout = Limit)]
    public async Task A_request_can_be_cancelled()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var silent = await connection.SubscribeCoreAsync<string>(Unique("silent."), cancellationToken: Ct);
        await connection.PingAsync(Ct);
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var request = connection.RequestAsync<string, string>(silent.Subject, "hello", cancellationToken: cancel.Token).AsTask();
        await silent.Msgs.ReadAsync(Ct);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
    }
}
