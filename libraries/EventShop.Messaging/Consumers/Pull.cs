using System.Runtime.CompilerServices;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>One pull from a durable consumer.</summary>
internal static class Pull
{
    // What the broker says of a pull, in the status line of a message without a body.
    private const int IdleHeartbeat = 100;
    private const int NoMessages = 404;
    private const int Expired = 408;

    /// <summary>How long after its expiry the broker's word of a pull's end may take to get here.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    /// <summary>How long what is on its way may take to get here once no more is wanted.</summary>
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Asks for messages and returns them as they come, until there are enough, the pull expires, the connection is lost, or
    /// <paramref name="stopping"/> is cancelled. Then the inbox is drained: what the broker has delivered to it is returned too, so that no
    /// message is delivered to nobody.
    /// </summary>
    /// <remarks>
    /// The client's own <c>FetchAsync</c> does not drain: cancelled, it leaves messages behind which it has received, and they come again only
    /// after AckWait. One that expires while it is being served may end without a word of the broker (seen of nats-server 2.15.1).
    /// </remarks>
    /// <exception cref="NatsJSException">The broker did not answer, or refused: the consumer may be gone.</exception>
    public static async IAsyncEnumerable<Delivery> PullAsync(
        this INatsJSContext jetStream, ConsumerDefinition consumer, int room, TimeSpan expiry, TimeProvider clock,
        [EnumeratorCancellation] CancellationToken stopping)
    {
        var connection = jetStream.Connection;
        // An inbox of its own: what JetStream delivers keeps its subject, by which the client's shared inbox would not know it. And without the
        // token, with which it would end undrained.
        await using var inbox = await connection
            .SubscribeCoreAsync<byte[]>(jetStream.NewBaseInbox(), cancellationToken: CancellationToken.None).AsTask().WaitAsync(stopping);
        using var expired = new CancellationTokenSource(expiry + Grace, clock);
        using var lost = new CancellationTokenSource();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping, expired.Token, lost.Token);
        var draining = Task.CompletedTask;
        using var registration = over.Token.UnsafeRegister(_ => draining = DrainAsync(connection, inbox), null);
        var isAnswered = false;
        connection.ConnectionDisconnected += LostAsync;
        try
        {
            // Nobody waits for it: a connection that is lost now ends the inbox.
            var asking = connection.PublishAsync(
                $"{jetStream.Opts.Prefix}.CONSUMER.MSG.NEXT.{consumer.Stream}.{consumer.Name}", Request(room, expiry),
                replyTo: inbox.Subject, cancellationToken: CancellationToken.None).AsTask();
            await foreach (var message in inbox.Msgs.ReadAllAsync(CancellationToken.None))
            {
                isAnswered = true;
                if (message.Subject == inbox.Subject)
                {
                    if (message.Headers is { Code: NoMessages or Expired })
                        break;
                    if (message.Headers is not { Code: IdleHeartbeat })
                        throw new NatsJSException($"a pull was refused: {message.Headers?.Code} {message.Headers?.MessageText}");
                    continue;
                }

                yield return new Delivery(new NatsJSMsg<byte[]>(message, jetStream), clock.GetTimestamp());
                if (--room == 0)
                    break;
            }

            await draining;
            if (!isAnswered && expired.IsCancellationRequested && !lost.IsCancellationRequested && !stopping.IsCancellationRequested)
                throw new NatsJSException("a pull was not answered", asking.Exception!);
        }
        finally
        {
            connection.ConnectionDisconnected -= LostAsync;
        }

        async ValueTask LostAsync(object? sender, NatsEventArgs e) => await lost.CancelAsync();
    }

    /// <summary>The inbox ends when what was delivered to it before is in it.</summary>
    private static async Task DrainAsync(INatsConnection connection, INatsSub<byte[]> inbox)
    {
        if (connection.ConnectionState is not NatsConnectionState.Open)
        {
            await inbox.UnsubscribeAsync();
            return;
        }

        using var limit = new CancellationTokenSource(DrainLimit);
        await inbox.DrainAsync(limit.Token);
    }

    /// <summary>Heartbeats tell a broker that has no messages from one that does not answer.</summary>
    private static byte[] Request(int room, TimeSpan expiry) => Encoding.ASCII.GetBytes(
        $$"""{"batch":{{room}},"expires":{{Nanoseconds(expiry)}},"idle_heartbeat":{{Nanoseconds(expiry / 2)}}}""");

    private static long Nanoseconds(TimeSpan time) => (long)(time.TotalMicroseconds * 1000);
}
