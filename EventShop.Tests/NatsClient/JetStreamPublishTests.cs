using EventShop.Tests.Servers;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class JetStreamPublishTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task A_stored_message_is_confirmed_with_its_sequence()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = (await CreateStreamAsync(js)).Info.Config.Name!;

        var first = await js.PublishAsync($"{stream}.a", "one", cancellationToken: Ct);
        var second = await js.PublishAsync($"{stream}.a", "two", cancellationToken: Ct);

        Assert.True(first.IsSuccess());
        Assert.Equal((stream, 1ul), (first.Stream, first.Seq));
        Assert.Equal(2ul, second.Seq);
    }

    [Fact(Timeout = Limit)]
    public async Task Many_publishes_in_flight_are_all_confirmed_once()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);

        var acks = await Task.WhenAll(Enumerable.Range(0, 2_000).Select(
            i => js.PublishAsync(
                $"{stream.Info.Config.Name}.a", i, opts: new NatsJSPubOpts { MsgId = $"{i}" }, cancellationToken: Ct).AsTask()));

        Assert.Equal(Enumerable.Range(1, 2_000).Select(i => (ulong)i), acks.Select(ack => ack.Seq).Order());
        await stream.RefreshAsync(Ct);
        Assert.Equal(2_000, stream.Info.State.Messages);
    }

    [Fact(Timeout = Limit)]
    public async Task A_message_id_is_stored_once_and_the_duplicate_is_told()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = (await CreateStreamAsync(js)).Info.Config.Name;
        var opts = new NatsJSPubOpts { MsgId = "order-1" };

        var first = await js.PublishAsync($"{stream}.a", "one", opts: opts, cancellationToken: Ct);
        var again = await js.PublishAsync($"{stream}.a", "one", opts: opts, cancellationToken: Ct);

        Assert.False(first.Duplicate);
        Assert.True(again.Duplicate);
        Assert.Null(again.Error);
        Assert.Equal(first.Seq, again.Seq);
        Assert.Equal(first.Seq, Assert.Throws<NatsJSDuplicateMessageException>(() => again.EnsureSuccess()).Sequence);
    }

    [Fact(Timeout = Limit)]
    public async Task A_refused_publish_is_a_value_and_does_not_throw()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = (await CreateStreamAsync(js)).Info.Config.Name;

        var ack = await js.PublishAsync(
            $"{stream}.a", "one", opts: new NatsJSPubOpts { ExpectedLastSequence = 17 }, cancellationToken: Ct);

        Assert.Equal((400, 10071), (ack.Error!.Code, ack.Error.ErrCode));
        Assert.False(ack.IsSuccess());
        Assert.Equal(10071, Assert.Throws<NatsJSApiException>(() => ack.EnsureSuccess()).Error.ErrCode);
    }

    [Fact(Timeout = Limit)]
    public async Task A_full_stream_that_discards_new_messages_refuses_them()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js, config => config with { MaxMsgs = 1, Discard = StreamConfigDiscard.New });
        await PublishAsync(js, stream, 1);

        var ack = await js.PublishAsync($"{stream.Info.Config.Name}.n", 2, cancellationToken: Ct);

        Assert.Equal(10077, ack.Error?.ErrCode);
    }

    [Fact(Timeout = Limit)]
    public async Task A_subject_without_a_stream_is_an_error_as_value_or_exception()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();

        var result = await js.TryPublishAsync(Unique("nowhere."), "one", cancellationToken: Ct);

        Assert.False(result.Success);
        Assert.IsType<NatsJSPublishNoResponseException>(result.Error);
        await Assert.ThrowsAsync<NatsJSPublishNoResponseException>(
            async () => await js.PublishAsync(Unique("nowhere."), "one", cancellationToken: Ct));
    }

    [Fact(Timeout = Limit)]
    public async Task A_server_that_does_not_answer_is_an_error_after_the_request_timeout()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url, opts => opts with { RequestTimeout = TimeSpan.FromMilliseconds(300) });
        var js = connection.CreateJetStreamContext();
        var stream = (await CreateStreamAsync(js)).Info.Config.Name;

        server.Pause();
        var result = await js.TryPublishAsync($"{stream}.a", "one", cancellationToken: Ct);
        await Assert.ThrowsAsync<NatsJSApiNoResponseException>(
            async () => await js.GetStreamAsync(stream!, cancellationToken: Ct));
        server.Resume();

        Assert.IsType<NatsJSPublishNoResponseException>(result.Error);
        Assert.True((await js.PublishAsync($"{stream}.a", "two", cancellationToken: Ct)).IsSuccess());
    }

    [Fact(Timeout = Limit)]
    public async Task Headers_of_a_publish_are_stored_with_it()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js, config => config with { AllowDirect = true });
        var headers = new NatsHeaders { ["ce-type"] = "test" };
        await js.PublishAsync(
            $"{stream.Info.Config.Name}.a", "one", opts: new NatsJSPubOpts { MsgId = "id-1" }, headers: headers, cancellationToken: Ct);

        var stored = await stream.GetDirectAsync<string>(new StreamMsgGetRequest { Seq = 1 }, cancellationToken: Ct);

        Assert.Equal("one", stored.Data);
        Assert.Equal("test", stored.Headers!["ce-type"]);
        Assert.Equal("id-1", stored.Headers["Nats-Msg-Id"]);
    }
}
