using System.Diagnostics;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using NATS.Net;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class AckTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task A_message_knows_where_it_stands()
    {
        await using var connection = Connect(nats.Server.Url);
        var (consumer, stream) = await CreateAsync(connection, 3);
        var before = TimeProvider.System.GetUtcNow().AddMinutes(-1);

        await consumer.NextAsync<int>(cancellationToken: Ct);
        var msg = await consumer.NextAsync<int>(cancellationToken: Ct);

        var metadata = msg!.Metadata!.Value;
        Assert.Equal((2ul, 2ul), (metadata.Sequence.Stream, metadata.Sequence.Consumer));
        Assert.Equal((1ul, 1ul), (metadata.NumDelivered, metadata.NumPending));
        Assert.Equal((stream, "worker", ""), (metadata.Stream, metadata.Consumer, metadata.Domain));
        Assert.InRange(metadata.Timestamp, before, before.AddMinutes(2));
        Assert.Equal($"{stream}.n", msg.Subject);
        Assert.True(msg.Size > stream.Length);
    }

    [Theory(Timeout = Limit)]
    [InlineData("$JS.ACK.ORDERS.worker.3.17.5.1700000000123456789.9", "")]
    [InlineData("$JS.ACK._.AbCdEf.ORDERS.worker.3.17.5.1700000000123456789.9.random", "")]
    [InlineData("$JS.ACK.hub.AbCdEf.ORDERS.worker.3.17.5.1700000000123456789.9.random", "hub")]
    public async Task Both_forms_of_the_acknowledgement_subject_are_understood(string replyTo, string domain)
    {
        await using var server = new ScriptedServer(subject => subject switch
        {
            "$JS.API.CONSUMER.INFO.ORDERS.worker" =>
                (null, null, """{"stream_name":"ORDERS","name":"worker","config":{"of_tomorrow":1},"of_tomorrow":{"a":[1]}}"""),
            "$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker" => ("orders.created", replyTo, "hello"),
            _ => null,
        });
        await using var connection = Connect(server.Url);
        var consumer = await connection.CreateJetStreamContext().GetConsumerAsync("ORDERS", "worker", Ct);

        var msg = await consumer.NextAsync<string>(cancellationToken: Ct);

        Assert.Equal(("orders.created", "hello"), (msg!.Subject, msg.Data));
        var timestamp = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
        Assert.Equal(
            new NatsJSMsgMetadata(new NatsJSSequencePair(17, 5), 3, 9, timestamp, "ORDERS", "worker", domain), msg.Metadata);
    }

    [Fact(Timeout = Limit)]
    public async Task A_confirmed_acknowledgement_is_known_to_the_server_on_return()
    {
        await using var connection = Connect(nats.Server.Url);
        var (consumer, _) = await CreateAsync(connection, 1);
        var msg = await consumer.NextAsync<int>(cancellationToken: Ct);
        Assert.Equal(1, await AckPendingAsync(consumer));

        await msg!.AckAsync(new AckOpts { DoubleAck = true }, Ct);

        Assert.Equal(0, await AckPendingAsync(consumer));
        Assert.Equal(1ul, consumer.Info.AckFloor.StreamSeq);
    }

    [Fact(Timeout = Limit)]
    public async Task A_refused_message_comes_again_at_once()
    {
        await using var connection = Connect(nats.Server.Url);
        var (consumer, _) = await CreateAsync(connection, 1);
        var msg = await consumer.NextAsync<int>(cancellationToken: Ct);

        await msg!.NakAsync(cancellationToken: Ct);

        var again = await consumer.NextAsync<int>(cancellationToken: Ct);
        Assert.Equal(2ul, again!.Metadata!.Value.NumDelivered);
        Assert.Equal(1ul, again.Metadata!.Value.Sequence.Stream);
    }

    [Fact(Timeout = Limit)]
    public async Task A_message_refused_with_a_delay_comes_again_after_it()
    {
        await using var connection = Connect(nats.Server.Url);
        var (consumer, _) = await CreateAsync(connection, 2);
        var delayed = await consumer.NextAsync<int>(cancellationToken: Ct);
        var started = Stopwatch.GetTimestamp();

        await delayed!.NakAsync(TimeSpan.FromMilliseconds(700), Ct);
        var other = await consumer.NextAsync<int>(cancellationToken: Ct);
        var again = await consumer.NextAsync<int>(cancellationToken: Ct);

        Assert.Equal(2ul, other!.Metadata!.Value.Sequence.Stream);
        Assert.Equal((1ul, 2ul), (again!.Metadata!.Value.Sequence.Stream, again.Metadata!.Value.NumDelivered));
        Assert.True(Stopwatch.GetElapsedTime(started) >= TimeSpan.FromMilliseconds(650), "it came before its delay");
    }

    [Fact(Timeout = Limit)]
    public async Task Reported_progress_holds_a_message_that_would_otherwise_come_again()
    {
        await using var connection = Connect(nats.Server.Url);
        var (consumer, _) = await CreateAsync(connection, 2, TimeSpan.FromSeconds(1));
        var held = await consumer.NextAsync<int>(cancellationToken: Ct);
        await consumer.NextAsync<int>(cancellationToken: Ct);

        var again = new List<ulong>();
        await Eventually.True("the silent message comes again twice", async () =>
        {
            await held!.AckProgressAsync(cancellationToken: Ct);
            await foreach (var msg in consumer.FetchNoWaitAsync<int>(new NatsJSFetchOpts { MaxMsgs = 10 }, cancellationToken: Ct))
            {
                again.Add(msg.Metadata!.Value.Sequence.Stream);
            }

            return again.Count >= 2;
        });

        Assert.All(again, sequence => Assert.Equal(2ul, sequence));
    }

    [Fact(Timeout = Limit)]
    public async Task A_terminated_message_never_comes_again()
    {
        await using var connection = Connect(nats.Server.Url);
        var (consumer, _) = await CreateAsync(connection, 2, TimeSpan.FromSeconds(1));
        var poison = await consumer.NextAsync<int>(cancellationToken: Ct);
        await consumer.NextAsync<int>(cancellationToken: Ct);

        await poison!.AckTerminateAsync(cancellationToken: Ct);

        var again = await consumer.NextAsync<int>(cancellationToken: Ct);
        Assert.Equal(2ul, again!.Metadata!.Value.Sequence.Stream);
        Assert.Equal(1, await AckPendingAsync(consumer));
    }

    [Fact(Timeout = Limit)]
    public async Task Acknowledgements_are_what_the_server_expects()
    {
        await using var connection = Connect(nats.Server.Url);
        var (consumer, stream) = await CreateAsync(connection, 1);
        await using var sent = await connection.SubscribeCoreAsync<string>($"$JS.ACK.{stream}.>", cancellationToken: Ct);
        await connection.PingAsync(Ct);
        var msg = await consumer.NextAsync<int>(cancellationToken: Ct);

        await msg!.AckProgressAsync(cancellationToken: Ct);
        await msg.NakAsync(TimeSpan.FromMilliseconds(1_500), Ct);
        await msg.AckTerminateAsync("poison", Ct);
        await msg.AckTerminateAsync(cancellationToken: Ct);
        await msg.AckAsync(cancellationToken: Ct);

        foreach (var expected in new[] { "+WPI", "-NAK {\"delay\": 1500000000}", "+TERM poison", "+TERM", "+ACK" })
        {
            Assert.Equal(expected, (await sent.Msgs.ReadAsync(Ct)).Data);
        }
    }

    private static async Task<(INatsJSConsumer Consumer, string Stream)> CreateAsync(
        NatsConnection connection, int messages, TimeSpan? ackWait = null)
    {
        var js = connection.CreateJetStreamContext();
        var stream = await CreateStreamAsync(js);
        await PublishAsync(js, stream, messages);
        var consumer = await stream.CreateOrUpdateConsumerAsync(
            new ConsumerConfig("worker") { AckWait = ackWait ?? TimeSpan.FromSeconds(30) }, Ct);
        return (consumer, stream.Info.Config.Name!);
    }
}
