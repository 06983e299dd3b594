using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>One pull from a durable consumer.</summary>
internal static class Pull
{
    /// <summary>Asks for messages and returns them as they come, until there are enough or the pull expires.</summary>
    /// <remarks>
    /// It takes no cancellation token: a pull that is left behind would have messages delivered to nobody. It ends by itself.
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
        if (unanswered || (received == 0 && clock.GetElapsedTime(started) < expiry / 2))
            throw new NatsJSException("a pull was not answered");
    }
}
