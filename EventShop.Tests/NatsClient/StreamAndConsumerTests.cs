using System.Text;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class StreamAndConsumerTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task A_stream_is_kept_as_it_was_configured()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var created = await CreateStreamAsync(js, config => config with
        {
            Description = "all of it",
            MaxMsgs = 1_000,
            MaxMsgsPerSubject = 100,
            MaxBytes = 1_000_000,
            MaxMsgSize = 10_000,
            MaxAge = TimeSpan.FromDays(7),
            DuplicateWindow = TimeSpan.FromMinutes(10),
            Discard = StreamConfigDiscard.New,
            Storage = StreamConfigStorage.File,
            DenyDelete = true,
            AllowDirect = true,
        });

        var config = (await js.GetStreamAsync(created.Info.Config.Name!, cancellationToken: Ct)).Info.Config;

        Assert.Equal("all of it", config.Description);
        Assert.Equal(
            (1_000, 100, 1_000_000, 10_000), (config.MaxMsgs, config.MaxMsgsPerSubject, config.MaxBytes, config.MaxMsgSize));
        Assert.Equal((TimeSpan.FromDays(7), TimeSpan.FromMinutes(10)), (config.MaxAge, config.DuplicateWindow));
        Assert.Equal((StreamConfigDiscard.New, StreamConfigStorage.File), (config.Discard, config.Storage));
        Assert.Equal((true, true, false), (config.DenyDelete, config.AllowDirect, config.DenyPurge));
        Assert.Equal((1, StreamConfigRetention.Limits), (config.NumReplicas, config.Retention));
    }

    [Fact(Timeout = Limit)]
    public async Task A_stream_is_created_or_updated_by_the_same_call()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var name = Unique("S");

        var created = await js.CreateOrUpdateStreamAsync(new StreamConfig(name, [$"{name}.a"]), Ct);
        var updated = await js.CreateOrUpdateStreamAsync(new StreamConfig(name, [$"{name}.a", $"{name}.b"]), Ct);
        var again = await js.UpdateStreamAsync(new StreamConfig(name, [$"{name}.b"]), Ct);

        Assert.Single(created.Info.Config.Subjects!);
        Assert.Equal(2, updated.Info.Config.Subjects!.Count);
        Assert.Equal([$"{name}.b"], again.Info.Config.Subjects!);
    }

    [Fact(Timeout = Limit)]
    public async Task A_change_the_server_refuses_throws_with_its_reason()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = (await CreateStreamAsync(js)).Info.Config;

        var refused = await Assert.ThrowsAsync<NatsJSApiException>(
            async () => await js.UpdateStreamAsync(stream with { Storage = StreamConfigStorage.Memory }, Ct));

        Assert.NotEqual(0, refused.Error.ErrCode);
        Assert.Contains("storage", refused.Message);
        var missing = await Assert.ThrowsAsync<NatsJSApiException>(
            async () => await js.GetStreamAsync(Unique("S"), cancellationToken: Ct));
        Assert.Equal((404, 10059), (missing.Error.Code, missing.Error.ErrCode));
    }

    [Fact(Timeout = Limit)]
    public async Task Names_that_would_change_the_subject_of_the_call_are_refused()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        await Assert.ThrowsAsync<ArgumentException>(async () => await js.CreateStreamAsync(new StreamConfig("a.b", ["x"]), Ct));
        await Assert.ThrowsAsync<ArgumentException>(async () => await js.GetStreamAsync("a b", cancellationToken: Ct));
        await Assert.ThrowsAsync<ArgumentException>(
            async () => await js.CreateOrUpdateConsumerAsync("stream", new ConsumerConfig("a.b"), Ct));
    }

    [Fact(Timeout = Limit)]
    public async Task Messages_of_a_stream_can_be_read_deleted_and_purged()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        var name = stream.Info.Config.Name!;
        await PublishAsync(js, stream, 5);

        var stored = (await stream.GetAsync(new StreamMsgGetRequest { Seq = 2 }, Ct)).Message;
        Assert.Equal(("1", 2ul, $"{name}.n"), (Encoding.UTF8.GetString(stored.Data.Span), stored.Seq, stored.Subject));
        Assert.True((await stream.DeleteMessageAsync(new StreamMsgDeleteRequest { Seq = 2 }, Ct)).Success);
        await Assert.ThrowsAsync<NatsJSApiException>(async () => await stream.GetAsync(new StreamMsgGetRequest { Seq = 2 }, Ct));

        await stream.RefreshAsync(Ct);
        Assert.Equal((4, 1ul, 5ul), (stream.Info.State.Messages, stream.Info.State.FirstSeq, stream.Info.State.LastSeq));
        var counted = await js.GetStreamAsync(name, new StreamInfoRequest { SubjectsFilter = ">" }, Ct);
        Assert.Equal(4, counted.Info.State.Subjects![$"{name}.n"]);

        Assert.Equal(3, (await js.PurgeStreamAsync(name, new StreamPurgeRequest { Keep = 1 }, Ct)).Purged);
        Assert.True(await js.DeleteStreamAsync(name, Ct));
        await Assert.ThrowsAsync<NatsJSApiException>(async () => await stream.RefreshAsync(Ct));
    }

    [Fact(Timeout = Limit)]
    public async Task Streams_and_consumers_are_listed()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = (await CreateStreamAsync(js)).Info.Config.Name!;
        await js.CreateOrUpdateConsumerAsync(stream, new ConsumerConfig("one"), Ct);
        await js.CreateOrUpdateConsumerAsync(stream, new ConsumerConfig("two"), Ct);

        Assert.Equal([stream], await js.ListStreamNamesAsync($"{stream}.any", Ct).ToListAsync(Ct));
        Assert.Contains(
            stream, await js.ListStreamsAsync(cancellationToken: Ct).Select(it => it.Info.Config.Name).ToListAsync(Ct));
        Assert.Equal(["one", "two"], await js.ListConsumerNamesAsync(stream, Ct).Order().ToListAsync(Ct));
        Assert.Equal(["one", "two"], await js.ListConsumersAsync(stream, Ct).Select(it => it.Info.Name).Order().ToListAsync(Ct));
        Assert.True(await js.DeleteConsumerAsync(stream, "one", Ct));
        Assert.Equal(["two"], await js.ListConsumerNamesAsync(stream, Ct).ToListAsync(Ct));
        Assert.True((await js.GetAccountInfoAsync(Ct)).Streams > 0);
    }

    [Fact(Timeout = Limit)]
    public async Task A_consumer_is_kept_as_it_was_configured_and_can_be_changed()
    {
        await using var connection = Connect(nats.Server.Url);
        var js = connection.CreateJetStreamContext();
        var stream = (await CreateStreamAsync(js)).Info.Config.Name!;
        var config = new ConsumerConfig("worker")
        {
            Description = "all of it",
            FilterSubject = $"{stream}.a",
            AckWait = TimeSpan.FromSeconds(30),
            MaxDeliver = 8,
            MaxAckPending = 64,
            Backoff = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)],
            InactiveThreshold = TimeSpan.FromHours(1),
        };

        await js.CreateOrUpdateConsumerAsync(stream, config, Ct);
        var info = (await js.GetConsumerAsync(stream, "worker", Ct)).Info;

        Assert.Equal((stream, "worker", "worker"), (info.StreamName, info.Name, info.Config.DurableName));
        Assert.Equal((8, 64, $"{stream}.a"), (info.Config.MaxDeliver, info.Config.MaxAckPending, info.Config.FilterSubject));
        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)], info.Config.Backoff!);
        Assert.Equal(TimeSpan.FromHours(1), info.Config.InactiveThreshold);
        Assert.Equal(
            (ConsumerConfigAckPolicy.Explicit, ConsumerConfigDeliverPolicy.All),
            (info.Config.AckPolicy, info.Config.DeliverPolicy));

        var changed = await js.CreateOrUpdateConsumerAsync(stream, config with { MaxAckPending = 128 }, Ct);
        Assert.Equal(128, changed.Info.Config.MaxAckPending);
        var refused = await Assert.ThrowsAsync<NatsJSApiException>(
            async () => await js.CreateOrUpdateConsumerAsync(
                stream, config with { DeliverPolicy = ConsumerConfigDeliverPolicy.New }, Ct));
        Assert.Contains("deliver policy", refused.Message);
        var missing = await Assert.ThrowsAsync<NatsJSApiException>(async () => await js.GetConsumerAsync(stream, "nobody", Ct));
        Assert.Equal((404, 10014), (missing.Error.Code, missing.Error.ErrCode));
    }
}
