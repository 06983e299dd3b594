using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>Messages that were given up: copies in a stream of their own, to be looked at, redriven or discarded.</summary>
internal sealed class DeadLetters(
    INatsJSContext jetStream, BrokerCalls calls, ObsoleteLetters obsolete, IEnumerable<ConsumerDefinition> consumers, ILogger<DeadLetters> log)
{
    /// <summary>Kept by limits, not by interest: looking at a dead letter never removes it.</summary>
    public static readonly StreamDefinition Stream = new("DEAD_LETTERS", "dead-letters.>") { MaxAge = TimeSpan.FromDays(30) };

    private const int NotFound = 404;

    /// <summary>The consumers of this service: the dead letters of others are theirs.</summary>
    private readonly string[] _consumers = [.. consumers.Select(c => c.Name)];

    /// <summary>
    /// Completes when the broker has stored the letter: the message's copy, or what says where the message is when that is too large. Stored
    /// twice, it is there once.
    /// </summary>
    /// <exception cref="NatsJSException">It has not; the message must not be terminated.</exception>
    public async Task StoreAsync(
        string consumer, string stream, ulong sequence, string subject, NatsHeaders? headers, byte[]? data, int attempts, Exception reason)
    {
        var forms = DeadLetter.Forms(consumer, stream, sequence, subject, headers, data ?? [], attempts, reason);
        var outcome = await jetStream.PublishAsync(SubjectOf(consumer), forms, CancellationToken.None);
        if (outcome.Status is not PublishStatus.Stored)
            throw new NatsJSException($"message {sequence} of {stream} is not among the dead letters: {outcome.Reason}");
        if (outcome.Refusal is { } refusal)
            log.DeadLetterIsReference(consumer, sequence, stream, refusal);
    }

    /// <summary>Lists dead letters of this service's consumers, oldest first, beginning after a sequence.</summary>
    public async Task<IReadOnlyList<DeadLetter>> ListAsync(ulong after, int limit, CancellationToken cancellationToken)
    {
        var stream = await GetStreamAsync(Stream.Name, cancellationToken);
        var letters = new List<DeadLetter>();
        foreach (var consumer in _consumers)
        {
            var next = after + 1;
            for (var n = 0; n < limit; n++)
            {
                if (await GetAsync(stream, new() { NextBySubj = SubjectOf(consumer), Seq = next }, cancellationToken) is not { } message)
                    break;
                var letter = DeadLetter.Read(message.Headers);
                letters.Add(letter);
                next = letter.Sequence + 1;
            }
        }
        return await obsolete.MarkedAsync([.. letters.OrderBy(letter => letter.Sequence).Take(limit)], cancellationToken);
    }

    public async Task<DeadLetterCounts> CountAsync(CancellationToken cancellationToken)
    {
        var stream = await calls.CallAsync(
            token => jetStream.GetStreamAsync(Stream.Name, new StreamInfoRequest { SubjectsFilter = Stream.Subjects[0] }, token), cancellationToken);
        var state = stream.Info.State;
        return new(
            _consumers.ToDictionary(consumer => consumer, consumer => state.Subjects is { } counts && counts.TryGetValue(SubjectOf(consumer), out var count) ? count : 0),
            new(state.Messages, (ulong)state.FirstSeq, (ulong)state.LastSeq));
    }

    /// <returns>The letter and its message; null when this service has none of that sequence.</returns>
    public async Task<FoundLetter?> FindAsync(ulong sequence, CancellationToken cancellationToken)
    {
        var stream = await GetStreamAsync(Stream.Name, cancellationToken);
        if (await GetAsync(stream, new() { Seq = sequence }, cancellationToken) is not { } stored)
            return null;
        var letter = DeadLetter.Read(stored.Headers);
        if (!_consumers.Contains(letter.Consumer))
            return null;
        var message = letter.IsReference ? await FindOriginalAsync(letter, stored, cancellationToken) : stored;
        return new((await obsolete.MarkedAsync([letter], cancellationToken))[0], message);
    }

    /// <summary>
    /// Publishes the message where it came from, with its own headers and its own event id, under a new message id (the broker
    /// still knows the old one), and removes it from the dead letters.
    /// </summary>
    public async Task<RedriveOutcome> RedriveAsync(ulong sequence, CancellationToken cancellationToken)
    {
        if (await FindAsync(sequence, cancellationToken) is not var (letter, message))
            return RedriveOutcome.NotFound;
        if (message is not { } original)
            return RedriveOutcome.Refused(
                $"It was too large to be copied, and message {letter.StreamSequence} is no longer in stream {letter.Stream}: it can only be discarded.");
        var headers = DeadLetter.Original(original.Headers);
        var marked = CloudEvent.Copy(headers, _ => true);
        marked[CloudEvent.MessageId] = $"redrive:{sequence}:{letter.GivenUpAt.UtcTicks}";
        marked[CloudEvent.Redriven] = "true";
        // It may fill the broker's limit by itself: the last form adds nothing.
        var forms = CloudEvent.WithLessAndLess(marked).Append(headers).Select(form => new MessageForm(form, original.Data ?? []));
        var outcome = await calls.CallAsync(
            async token => await jetStream.PublishAsync(letter.Subject, forms, token), cancellationToken);
        switch (outcome.Status)
        {
            case PublishStatus.Refused:
                return RedriveOutcome.Refused($"The broker does not take it back: {outcome.Reason}.");
            case PublishStatus.Unanswered:
                throw new NatsJSException(outcome.Reason!);
            default:
                await DeleteAsync(sequence, cancellationToken);
                return RedriveOutcome.Redriven;
        }
    }

    /// <summary>Removes it for good.</summary>
    /// <returns>False when this service has none of that sequence.</returns>
    public async Task<bool> DiscardAsync(ulong sequence, CancellationToken cancellationToken)
    {
        var stream = await GetStreamAsync(Stream.Name, cancellationToken);
        return await GetAsync(stream, new() { Seq = sequence }, cancellationToken) is { } stored
            && _consumers.Contains(DeadLetter.Read(stored.Headers).Consumer)
            && await DeleteAsync(sequence, cancellationToken);
    }

    private static string SubjectOf(string consumer) => $"dead-letters.{consumer}";

    /// <returns>Null when its stream no longer has it.</returns>
    private async Task<NatsMsg<byte[]>?> FindOriginalAsync(DeadLetter letter, NatsMsg<byte[]> stored, CancellationToken cancellationToken)
    {
        try
        {
            var stream = await GetStreamAsync(letter.Stream, cancellationToken);
            return await GetAsync(stream, new() { Seq = letter.StreamSequence }, cancellationToken) is { } message && DeadLetter.IsOriginal(stored, message)
                ? message
                : null;
        }
        catch (NatsJSApiException e) when (e.Error.Code is NotFound)
        {
            return null;
        }
    }

    private async Task<bool> DeleteAsync(ulong sequence, CancellationToken cancellationToken) => (await calls.CallAsync(
        token => jetStream.DeleteMessageAsync(Stream.Name, new StreamMsgDeleteRequest { Seq = sequence }, token), cancellationToken)).Success;

    private Task<INatsJSStream> GetStreamAsync(string name, CancellationToken cancellationToken) =>
        calls.CallAsync(token => jetStream.GetStreamAsync(name, cancellationToken: token), cancellationToken);

    /// <returns>Null when there is none.</returns>
    private async Task<NatsMsg<byte[]>?> GetAsync(INatsJSStream stream, StreamMsgGetRequest request, CancellationToken cancellationToken)
    {
        var message = await calls.CallAsync(token => stream.GetDirectAsync<byte[]>(request, cancellationToken: token), cancellationToken);
        return message.Headers?.Code is NotFound ? null : message;
    }
}

/// <summary>What the broker counts without being asked for each letter.</summary>
/// <param name="Letters">How many dead letters each consumer of this service has.</param>
/// <param name="Version">Changes whenever a letter of any service comes or goes.</param>
internal sealed record DeadLetterCounts(IReadOnlyDictionary<string, long> Letters, DeadLettersVersion Version)
{
    public long Sum => Letters.Values.Sum();
}

internal sealed record DeadLettersVersion(long Messages, ulong First, ulong Last);

/// <summary>A dead letter and what it is about.</summary>
/// <param name="Message">The message; null when it was too large to be copied and its stream no longer has it.</param>
internal sealed record FoundLetter(DeadLetter Letter, NatsMsg<byte[]>? Message);

/// <summary>What became of a dead letter that was to be redriven.</summary>
/// <param name="IsFound">False when this service has none of that sequence.</param>
/// <param name="Refusal">Why it stays among the dead letters; null when it does not.</param>
internal readonly record struct RedriveOutcome(bool IsFound, string? Refusal)
{
    public static RedriveOutcome Redriven => new(true, null);
    public static RedriveOutcome NotFound => new(false, null);
    public static RedriveOutcome Refused(string reason) => new(true, reason);
}
