using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>Messages that were given up: copies in a stream of their own, to be looked at, redriven or discarded.</summary>
internal sealed class DeadLetters(INatsJSContext jetStream, IEnumerable<ConsumerDefinition> consumers)
{
    /// <summary>Kept by limits, not by interest: looking at a dead letter never removes it.</summary>
    public static readonly StreamDefinition Stream = new("DEAD_LETTERS", "dead-letters.>") { MaxAge = TimeSpan.FromDays(30) };

    private const int NotFound = 404;

    /// <summary>The consumers of this service: the dead letters of others are theirs.</summary>
    private readonly string[] _consumers = [.. consumers.Select(c => c.Name)];

    /// <summary>Completes when the broker has stored the copy. Stored twice, it is there once.</summary>
    /// <exception cref="NatsJSException">It has not; the message must not be terminated.</exception>
    public async Task StoreAsync(
        string consumer, string stream, ulong sequence, string subject, NatsHeaders? headers, byte[]? data, int attempts, Exception reason)
    {
        var ack = await jetStream.PublishAsync(
            SubjectOf(consumer), data ?? [],
            headers: DeadLetter.Headers(headers, consumer, stream, sequence, subject, attempts, reason));
        if (ack.Error is { } error)
            throw new NatsJSApiException(error);
    }

    /// <summary>Lists dead letters of this service's consumers, oldest first, beginning after a sequence.</summary>
    public async Task<IReadOnlyList<DeadLetter>> ListAsync(ulong after, int limit, CancellationToken cancellationToken)
    {
        var stream = await jetStream.GetStreamAsync(Stream.Name, cancellationToken: cancellationToken);
        var letters = new List<DeadLetter>();
        foreach (var consumer in _consumers)
        {
            var next = after + 1;
            for (var n = 0; n < limit; n++)
            {
                var message = await stream.GetDirectAsync<byte[]>(
                    new StreamMsgGetRequest { NextBySubj = SubjectOf(consumer), Seq = next }, cancellationToken: cancellationToken);
                if (message.Headers?.Code is NotFound)
                    break;
                var letter = DeadLetter.Read(message.Headers);
                letters.Add(letter);
                next = letter.Sequence + 1;
            }
        }
        return [.. letters.OrderBy(letter => letter.Sequence).Take(limit)];
    }

    /// <returns>The letter and its body; null when this service has none of that sequence.</returns>
    public async Task<(DeadLetter Letter, NatsMsg<byte[]> Message)?> FindAsync(ulong sequence, CancellationToken cancellationToken)
    {
        var stream = await jetStream.GetStreamAsync(Stream.Name, cancellationToken: cancellationToken);
        var message = await stream.GetDirectAsync<byte[]>(new StreamMsgGetRequest { Seq = sequence }, cancellationToken: cancellationToken);
        if (message.Headers?.Code is NotFound)
            return null;
        var letter = DeadLetter.Read(message.Headers);
        return _consumers.Contains(letter.Consumer) ? (letter, message) : null;
    }

    /// <summary>
    /// Publishes the message where it came from, with its own headers and its own event id, under a new message id (the broker
    /// still knows the old one), and removes it from the dead letters.
    /// </summary>
    /// <returns>False when this service has none of that sequence.</returns>
    public async Task<bool> RedriveAsync(ulong sequence, CancellationToken cancellationToken)
    {
        if (await FindAsync(sequence, cancellationToken) is not var (letter, message))
            return false;
        var headers = DeadLetter.Original(message.Headers);
        headers[CloudEvent.MessageId] = $"redrive:{sequence}:{letter.EventId}";
        headers[CloudEvent.Redriven] = "true";
        var ack = await jetStream.PublishAsync(letter.Subject, message.Data ?? [], headers: headers, cancellationToken: cancellationToken);
        if (ack.Error is { } error)
            throw new NatsJSApiException(error);
        return await DiscardAsync(sequence, cancellationToken);
    }

    /// <summary>Removes it for good.</summary>
    /// <returns>False when this service has none of that sequence.</returns>
    public async Task<bool> DiscardAsync(ulong sequence, CancellationToken cancellationToken) =>
        await FindAsync(sequence, cancellationToken) is not null
        && (await jetStream.DeleteMessageAsync(Stream.Name, new StreamMsgDeleteRequest { Seq = sequence }, cancellationToken)).Success;

    private static string SubjectOf(string consumer) => $"dead-letters.{consumer}";
}
