using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>
/// Messages that this service's consumers gave up: copies in a stream of their own, to be looked at, redriven or discarded by an operator.
/// </summary>
/// <remarks>Every call throws a <see cref="NatsException"/> within two seconds when the broker does not answer.</remarks>
public sealed partial class DeadLetters
{
    private const int NotFound = 404;
    private const int MaxPage = 1000;

    private readonly INatsJSContext _jetStream;
    private readonly BrokerCalls _calls;
    private readonly ObsoleteLetters _obsolete;
    private readonly ILogger<DeadLetters> _log;
    private readonly string _subject;

    internal DeadLetters(
        INatsJSContext jetStream, BrokerCalls calls, ObsoleteLetters obsolete, DeadLetterOptions options, MessagingOptions messaging, ILogger<DeadLetters> log)
    {
        (_jetStream, _calls, _obsolete, _log) = (jetStream, calls, obsolete, log);
        Stream = StreamOf(options, messaging);
        _subject = Stream.Subjects[0][..^2];
    }

    /// <summary>Kept by limits, not by interest: looking at a dead letter never removes it.</summary>
    internal StreamDefinition Stream { get; }

    internal static StreamDefinition StreamOf(DeadLetterOptions options, MessagingOptions messaging)
    {
        var service = NotInNames().Replace(Words().Replace(messaging.Source.Split('/')[^1], "-").ToLowerInvariant(), "-");
        return new(options.Stream ?? $"DEAD_LETTERS_{service.ToUpperInvariant().Replace('-', '_')}", $"{options.Subject ?? $"dlq.{service}"}.>") { MaxAge = options.MaxAge };
    }

    /// <summary>Lists dead letters, oldest first.</summary>
    /// <param name="after">The sequence of the last one of the page before; 0 for the first page.</param>
    /// <param name="limit">The most that are listed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IReadOnlyList<DeadLetter>> ListAsync(ulong after, int limit, CancellationToken cancellationToken)
    {
        var stream = await GetStreamAsync(Stream.Name, cancellationToken);
        var letters = new List<DeadLetter>();
        while (letters.Count < limit
            && await GetAsync(stream, new() { NextBySubj = Stream.Subjects[0], Seq = after + 1 }, cancellationToken) is { } message)
        {
            letters.Add(DeadLetter.Read(message.Headers));
            after = letters[^1].Sequence;
        }
        return await _obsolete.MarkedAsync(letters, cancellationToken);
    }

    /// <returns>The letter with what it holds; null when there is none of that id.</returns>
    public async Task<DeadLetterDetails?> FindAsync(Guid id, CancellationToken cancellationToken) =>
        await FindMessageAsync(id, cancellationToken) is not { } found
            ? null
            : new(
                found.Letter, DeadLetter.Original(found.Message?.Headers).ToDictionary(header => header.Key, header => header.Value.ToString()),
                found.Message is { } message ? Encoding.UTF8.GetString(message.Data ?? []) : null);

    /// <summary>
    /// Publishes the message where it came from, with its own headers and its own event id, under a new message id (the broker
    /// still knows the old one), and removes it from the dead letters. Given up once more, it has the same id there.
    /// </summary>
    public async Task<RedriveOutcome> RedriveAsync(Guid id, CancellationToken cancellationToken)
    {
        if (await FindMessageAsync(id, cancellationToken) is not var (letter, message))
            return RedriveOutcome.NotFound;
        if (message is not { } original)
            return RedriveOutcome.Refused(
                $"It was too large to be copied, and message {letter.StreamSequence} is no longer in stream {letter.Stream}: it can only be discarded.");
        var headers = DeadLetter.Original(original.Headers);
        var marked = CloudEvent.Copy(headers, _ => true);
        marked[CloudEvent.MessageId] = $"redrive:{Stream.Name}:{letter.Sequence}:{letter.GivenUpAt.UtcTicks}";
        marked[CloudEvent.Redriven] = id.ToString();
        marked[CloudEvent.RedrivenFor] = letter.Consumer;
        // It may fill the broker's limit by itself: the last form adds nothing.
        var forms = CloudEvent.WithLessAndLess(marked).Append(headers).Select(form => new MessageForm(form, original.Data ?? []));
        var outcome = await _calls.CallAsync(
            async token => await _jetStream.PublishAsync(letter.Subject, forms, token), cancellationToken);
        switch (outcome.Status)
        {
            case PublishStatus.Refused:
                return RedriveOutcome.Refused($"The broker does not take it back: {outcome.Reason}.");
            case PublishStatus.Unanswered:
                throw new NatsJSException(outcome.Reason!);
            default:
                await DeleteAsync(letter.Sequence, cancellationToken);
                return RedriveOutcome.Redriven;
        }
    }

    /// <summary>
    /// Redrives all letters that are not obsolete: those that were there when it began, so that one which is given up again meanwhile is not redriven
    /// in a circle.
    /// </summary>
    public async Task<RedriveResult> RedriveAllAsync(CancellationToken cancellationToken)
    {
        var all = new List<DeadLetter>();
        while (await ListAsync(all.Count == 0 ? 0 : all[^1].Sequence, MaxPage, cancellationToken) is { Count: > 0 } page)
            all.AddRange(page);
        var (redriven, refused) = (0, new List<RefusedRedrive>());
        foreach (var letter in all.Where(letter => letter.ObsoleteSince is null))
            switch (await RedriveAsync(letter.Id, cancellationToken))
            {
                case { Refusal: { } reason }:
                    refused.Add(new(letter.Id, reason));
                    break;
                case { IsFound: true }:
                    redriven++;
                    break;
            }
        return new(redriven, refused);
    }

    /// <summary>Removes it for good.</summary>
    /// <returns>False when there is none of that id.</returns>
    public async Task<bool> DiscardAsync(Guid id, CancellationToken cancellationToken) =>
        await FindLetterAsync(id, cancellationToken) is var (letter, _) && await DeleteAsync(letter.Sequence, cancellationToken);

    /// <summary>
    /// Completes when the broker has stored the letter: the message's copy, or what says where the message is when that is too large. Stored
    /// twice, it is there once.
    /// </summary>
    /// <exception cref="NatsJSException">It has not; the message must not be terminated.</exception>
    internal async Task StoreAsync(
        string consumer, NatsJSMsgMetadata metadata, string subject, NatsHeaders? headers, byte[]? data, int attempts, Exception reason)
    {
        var id = DeadLetter.IdOf(consumer, metadata, headers);
        var sequence = metadata.Sequence.Stream;
        var forms = DeadLetter.Forms(id, consumer, metadata, subject, headers, data ?? [], attempts, reason);
        var outcome = await _jetStream.PublishAsync($"{_subject}.{consumer}.{id}", forms, CancellationToken.None);
        if (outcome.Status is not PublishStatus.Stored)
            throw new NatsJSException($"message {sequence} of {metadata.Stream} is not among the dead letters: {outcome.Reason}");
        if (outcome.Refusal is { } refusal)
            _log.DeadLetterIsReference(consumer, sequence, metadata.Stream, refusal);
    }

    internal async Task<DeadLettersVersion> VersionAsync(CancellationToken cancellationToken)
    {
        var state = (await GetStreamAsync(Stream.Name, cancellationToken)).Info.State;
        return new(state.Messages, (ulong)state.FirstSeq, (ulong)state.LastSeq);
    }

    private async Task<(DeadLetter Letter, NatsMsg<byte[]> Stored)?> FindLetterAsync(Guid id, CancellationToken cancellationToken)
    {
        var stream = await GetStreamAsync(Stream.Name, cancellationToken);
        return await GetAsync(stream, new() { NextBySubj = $"{_subject}.*.{id}", Seq = 1 }, cancellationToken) is { } stored
            ? (DeadLetter.Read(stored.Headers), stored)
            : null;
    }

    /// <returns>The letter and its message, which is null when it was too large to be copied and its stream no longer has it.</returns>
    private async Task<(DeadLetter Letter, NatsMsg<byte[]>? Message)?> FindMessageAsync(Guid id, CancellationToken cancellationToken)
    {
        if (await FindLetterAsync(id, cancellationToken) is not var (letter, stored))
            return null;
        var message = letter.IsReference ? await FindOriginalAsync(letter, stored, cancellationToken) : stored;
        return ((await _obsolete.MarkedAsync([letter], cancellationToken))[0], message);
    }

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

    private async Task<bool> DeleteAsync(ulong sequence, CancellationToken cancellationToken) => (await _calls.CallAsync(
        token => _jetStream.DeleteMessageAsync(Stream.Name, new StreamMsgDeleteRequest { Seq = sequence }, token), cancellationToken)).Success;

    private Task<INatsJSStream> GetStreamAsync(string name, CancellationToken cancellationToken) =>
        _calls.CallAsync(token => _jetStream.GetStreamAsync(name, cancellationToken: token), cancellationToken);

    /// <returns>Null when there is none.</returns>
    private async Task<NatsMsg<byte[]>?> GetAsync(INatsJSStream stream, StreamMsgGetRequest request, CancellationToken cancellationToken)
    {
        var message = await _calls.CallAsync(token => stream.GetDirectAsync(request, serializer: NatsRawSerializer<byte[]>.Default, cancellationToken: token), cancellationToken);
        return message.Headers?.Code is NotFound ? null : message;
    }

    /// <summary>Between the words of <c>OrderService</c>.</summary>
    [GeneratedRegex("(?<=[a-z0-9])(?=[A-Z])")]
    private static partial Regex Words();

    [GeneratedRegex("[^a-z0-9-]+")]
    private static partial Regex NotInNames();
}

/// <summary>Changes whenever a letter comes or goes.</summary>
internal sealed record DeadLettersVersion(long Messages, ulong First, ulong Last);

/// <summary>A dead letter with what it holds.</summary>
/// <param name="Letter">What is known of it.</param>
/// <param name="Headers">As they were published; empty when the message is gone.</param>
/// <param name="Body">As UTF-8; null when the message was too large to be copied, and its stream no longer has it.</param>
public sealed record DeadLetterDetails(DeadLetter Letter, IReadOnlyDictionary<string, string> Headers, string? Body);

/// <summary>What became of a dead letter that was to be redriven.</summary>
/// <param name="IsFound">False when there is none of that id.</param>
/// <param name="Refusal">Why it stays among the dead letters; null when it does not.</param>
public readonly record struct RedriveOutcome(bool IsFound, string? Refusal)
{
    internal static RedriveOutcome Redriven => new(true, null);
    internal static RedriveOutcome NotFound => new(false, null);
    internal static RedriveOutcome Refused(string reason) => new(true, reason);
}

/// <summary>What became of all.</summary>
/// <param name="Redriven">How many were published again.</param>
/// <param name="Refused">Those that were not, and stay.</param>
public sealed record RedriveResult(int Redriven, IReadOnlyList<RefusedRedrive> Refused);

/// <param name="Id">The letter's id.</param>
/// <param name="Reason">Why it stays.</param>
public sealed record RefusedRedrive(Guid Id, string Reason);
