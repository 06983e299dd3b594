using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Tests.Chaos;

/// <summary>What the checker and the tests see of the broker, past the services.</summary>
internal sealed class Broker(string url) : IAsyncDisposable
{
    /// <summary>The shop's consumers, with the stream each reads.</summary>
    public static readonly IReadOnlyList<(string Stream, string Consumer)> Consumers =
        [("ORDERS", "payment-orders"), ("PAYMENTS", "order-payments")];

    /// <summary>The streams of what the services gave up.</summary>
    public static readonly IReadOnlyList<string> DeadLetters = ["DEAD_LETTERS_ORDER_SERVICE", "DEAD_LETTERS_PAYMENT_SERVICE"];

    private readonly NatsConnection _connection = new(new NatsOpts { Url = url, MaxReconnectRetry = -1 });

    public INatsJSContext JetStream => field ??= new NatsJSContext(_connection);

    /// <summary>Every message of a stream, in its order.</summary>
    public async Task<IReadOnlyList<INatsJSMsg<byte[]>>> ReadAsync(string stream)
    {
        var count = (int)(await JetStream.GetStreamAsync(stream)).Info.State.Messages;
        var messages = new List<INatsJSMsg<byte[]>>(count);
        var name = $"reader-{Guid.NewGuid():N}";
        var reader = await JetStream.CreateOrUpdateConsumerAsync(
            stream, new ConsumerConfig(name) { AckPolicy = ConsumerConfigAckPolicy.None });
        while (messages.Count < count)
            await foreach (var message in reader.FetchAsync<byte[]>(
                new NatsJSFetchOpts { MaxMsgs = Math.Min(1000, count - messages.Count), Expires = TimeSpan.FromSeconds(5) }))
                messages.Add(message);
        await JetStream.DeleteConsumerAsync(stream, name);
        return messages;
    }

    /// <summary>Messages not yet delivered, and not yet acknowledged, over both consumers; text that says which.</summary>
    public async Task<(long Count, string Which)> BacklogAsync()
    {
        var count = 0L;
        var which = new List<string>();
        foreach (var (stream, consumer) in Consumers)
        {
            var info = (await JetStream.GetConsumerAsync(stream, consumer)).Info;
            count += (long)info.NumPending + info.NumAckPending;
            which.Add($"{consumer}: {info.NumPending} pending, {info.NumAckPending} not acknowledged, {info.NumRedelivered} redelivered");
        }

        return (count, string.Join("; ", which));
    }

    /// <summary>How many messages that are not acknowledged yet have been delivered more than once.</summary>
    public async Task<int> RedeliveredAsync()
    {
        var count = 0;
        foreach (var (stream, consumer) in Consumers)
            count += (await JetStream.GetConsumerAsync(stream, consumer)).Info.NumRedelivered;
        return count;
    }

    /// <summary>The event a message is about: its <c>ce-id</c>, which a copy has in common with the original.</summary>
    public static string? EventId(INatsJSMsg<byte[]> message) =>
        message.Headers is { } headers && headers.TryGetLastValue("ce-id", out var id) ? id : null;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
