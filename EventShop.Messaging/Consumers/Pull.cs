using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>One pull from a durable consumer.</summary>
internal static class Pull
{
    /// <summary>How long after its expiry the end of a pull may take to get here.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    /// <summary>Asks for messages and returns them as they come, until there are enough or the pull expires.</summary>
    /// <remarks>
    /// It takes no cancellation token: a pull that is left behind would have messages delivered to nobody. It ends by itself. One that
    /// expires while it is being served may end without a word of the broker (seen of nats-server 2.15.1): then it ends here when
    /// heartbeats have been missing, one expiry after the last, and no message comes meanwhile.
    /// </remarks>
    /// <exception cref="NatsJSException">The broker did not answer, or ended the pull at once: the consumer may be gone.</exception>
    public static async IAsyncEnumerable<Delivery> PullAsync(this INatsJSConsumer consumer, int room, TimeSpan expiry, TimeProvider clock)
    {
        var started = clock.GetTimestamp();
        var received = 0;
        var unanswered = false;
        var pull = new NatsJSFetchOpts
        {
            MaxMsgs = room,
            Expires = expiry,
            NotificationHandler = (notification, _) =>
            {
                unanswered |= notification is NatsJSTimeoutNotification;
                return Task.CompletedTask;
            },
        };
        await foreach (var message in consumer.FetchAsync<byte[]>(pull))
        {
            received++;
            yield return new Delivery(message, clock.GetTimestamp());
        }
        var elapsed = clock.GetElapsedTime(started);
        if ((unanswered && elapsed < expiry + Grace) || (received == 0 && elapsed < expiry / 2))
            throw new NatsJSException("a pull was not answered");
    }
}
