using System.Globalization;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>Stores a copy of a message that is given up, with all that is needed to understand and redrive it.</summary>
internal sealed class DeadLetters(INatsJSContext jetStream)
{
    /// <summary>Kept by limits, not by interest: looking at a dead letter never removes it.</summary>
    public static readonly StreamDefinition Stream = new("DEAD_LETTERS", "dead-letters.>") { MaxAge = TimeSpan.FromDays(30) };

    /// <summary>Completes when the broker has stored the copy.</summary>
    /// <exception cref="NatsJSException">It has not; the message must not be terminated.</exception>
    public async Task StoreAsync(string consumer, Delivery delivery, Exception reason)
    {
        var headers = new NatsHeaders();
        foreach (var (name, value) in delivery.Message.Headers ?? [])
            headers[name] = value;
        // One copy however often the last attempt is repeated.
        headers[CloudEvent.MessageId] = $"dlq:{delivery.Metadata.Stream}:{consumer}:{delivery.Sequence}";
        headers["dead-letter-consumer"] = consumer;
        headers["dead-letter-reason"] = Printable(reason.Message);
        headers["dead-letter-exception"] = reason.GetType().FullName;
        headers["dead-letter-attempts"] = delivery.Attempt.ToString(CultureInfo.InvariantCulture);
        headers["dead-letter-stream"] = delivery.Metadata.Stream;
        headers["dead-letter-sequence"] = delivery.Sequence.ToString(CultureInfo.InvariantCulture);
        headers["dead-letter-subject"] = delivery.Message.Subject;

        var ack = await jetStream.PublishAsync(
            $"dead-letters.{consumer}", delivery.Message.Data ?? [], headers: headers);
        if (ack.Error is { } error)
            throw new NatsJSApiException(error);
    }

    /// <summary>Header values are one line of ASCII.</summary>
    private static string Printable(string text)
    {
        var line = string.Create(Math.Min(text.Length, 512), text, (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
                span[i] = source[i] is >= ' ' and <= '~' ? source[i] : ' ';
        });
        return line.Trim();
    }
}
