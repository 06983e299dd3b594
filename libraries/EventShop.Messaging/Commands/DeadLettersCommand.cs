using EventShop.Hosting;

namespace EventShop.Messaging;

/// <summary>Messages that this service's consumers gave up: to be looked at, redriven or discarded.</summary>
internal sealed class DeadLettersCommand(DeadLetters letters, Servers servers)
    : OperatorCommand(servers, "dead-letters", "list [--after SEQ] [--limit N] | show ID | redrive ID|--all | discard ID")
{
    private const int MaxPage = 1000;

    protected override Task<int> RunAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken) => arguments.TakeWord() switch
    {
        "list" => ListAsync(arguments, answer, cancellationToken),
        "show" => ShowAsync(arguments, answer, cancellationToken),
        "redrive" => RedriveAsync(arguments, answer, cancellationToken),
        "discard" => DiscardAsync(arguments, answer, cancellationToken),
        var word => throw arguments.Unknown(word),
    };

    private async Task<int> ListAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var after = arguments.TakeNumber("--after", 0ul, 0ul, ulong.MaxValue - 1);
        var limit = arguments.TakeNumber("--limit", 100, 1, MaxPage);
        arguments.End();
        await Servers.ConnectAsync(cancellationToken);
        var page = await letters.ListAsync(after, limit, cancellationToken);
        await answer.WriteAsync(page, CommandJson.Default.IReadOnlyListDeadLetter, page =>
            Answer.Table(["SEQ", "ID", "CONSUMER", "TYPE", "KEY", "ATTEMPTS", "GIVEN UP", "STATE", "REASON"], page.Select(letter => new object?[]
            {
                letter.Sequence, letter.Id, letter.Consumer, letter.Type, Answer.Shortened(letter.Key), letter.Attempts, letter.GivenUpAt,
                letter.ObsoleteSince is null ? "open" : "obsolete", Answer.Shortened(letter.Reason),
            }))
            + (page.Count == limit ? $"There may be more: --after {page[^1].Sequence}" : ""));
        return 0;
    }

    private async Task<int> ShowAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var id = arguments.TakeId();
        arguments.End();
        await Servers.ConnectAsync(cancellationToken);
        var found = await letters.FindAsync(id, cancellationToken) ?? throw NotFound(id);
        await answer.WriteAsync(found, CommandJson.Default.DeadLetterDetails, found =>
        {
            var letter = found.Letter;
            return Answer.Facts(
                ("id", letter.Id), ("sequence", letter.Sequence), ("consumer", letter.Consumer), ("given up", letter.GivenUpAt), ("attempts", letter.Attempts),
                ("reason", letter.Reason), ("exception", letter.Exception), ("obsolete since", letter.ObsoleteSince), ("obsolete", letter.ObsoleteReason),
                ("message", $"{letter.StreamSequence} of {letter.Stream}, subject {letter.Subject}"), ("event", letter.EventId), ("type", letter.Type),
                ("key", letter.Key), ("trace", letter.TraceId), ("bytes", letter.Bytes))
                + string.Concat(found.Headers.Select(header => $"header {Answer.Facts((header.Key, header.Value))}"))
                + $"\n{(found.Body is { } body ? Answer.Printable(body) : "The body was too large to be copied, and its stream no longer has it.")}";
        });
        return 0;
    }

    private async Task<int> RedriveAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var wanted = arguments.TakeIdOrAll();
        arguments.End();
        await Servers.ConnectAsync(cancellationToken);
        var result = wanted is not { } id
            ? await letters.RedriveAllAsync(cancellationToken)
            : await letters.RedriveAsync(id, cancellationToken) switch
            {
                { IsFound: false } => throw NotFound(id),
                { Refusal: { } reason } => new RedriveResult(0, [new(id, reason)]),
                _ => new RedriveResult(1, []),
            };
        await answer.WriteAsync(result, CommandJson.Default.RedriveResult, result =>
            $"{result.Redriven} redriven\n{string.Concat(result.Refused.Select(refused => $"{refused.Id} stays: {refused.Reason}\n"))}");
        return result.Refused.Count == 0 ? 0 : 1;
    }

    private async Task<int> DiscardAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var id = arguments.TakeId();
        arguments.End();
        await Servers.ConnectAsync(cancellationToken);
        if (!await letters.DiscardAsync(id, cancellationToken))
            throw NotFound(id);
        await answer.WriteAsync(new(id), CommandJson.Default.Discarded, _ => $"{id} discarded");
        return 0;
    }

    private static StartupException NotFound(Guid id) => new($"this service has no dead letter {id}");
}

/// <param name="Id">What was discarded.</param>
internal sealed record Discarded(Guid Id);
