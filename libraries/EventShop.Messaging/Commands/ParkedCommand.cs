using EventShop.Hosting;

namespace EventShop.Messaging;

/// <summary>Events that the broker refuses: to be looked at, sent again or discarded. It needs the database only.</summary>
internal sealed class ParkedCommand(ParkedEvents events, Servers servers)
    : OperatorCommand(servers, "parked", "list [--discarded] [--after ID] [--limit N] | show ID | resend ID|--all | discard ID [--reason TEXT]")
{
    private const int MaxPage = 1000;
    private const int MaxReason = 500;

    protected override Task<int> RunAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken) => arguments.TakeWord() switch
    {
        "list" => ListAsync(arguments, answer, cancellationToken),
        "show" => ShowAsync(arguments, answer, cancellationToken),
        "resend" => ResendAsync(arguments, answer, cancellationToken),
        "discard" => DiscardAsync(arguments, answer, cancellationToken),
        var word => throw arguments.Unknown(word),
    };

    private async Task<int> ListAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var discarded = arguments.TakeFlag("--discarded");
        var limit = arguments.TakeNumber("--limit", 100, 1, MaxPage);
        var after = arguments.TakeOption("--after") is not { } text ? Guid.Empty
            : Guid.TryParse(text, out var id) ? id
            : throw arguments.Wrong($"'{text}' is no id");
        arguments.End();
        var page = await events.ListAsync(discarded, after, limit, cancellationToken);
        await answer.WriteAsync(page, CommandJson.Default.IReadOnlyListParkedEvent, page =>
            Answer.Table(["ID", "TYPE", "KEY", "ATTEMPTS", "PARKED", discarded ? "DISCARDED" : "NEXT ATTEMPT", "REASON"], page.Select(e => new object?[]
            {
                e.Id, Answer.Shortened(e.Type), Answer.Shortened(e.Key), e.Attempts, e.ParkedAt, discarded ? e.DiscardedAt : e.NextAttemptAt,
                Answer.Shortened(discarded ? e.DiscardReason : e.Reason),
            }))
            + (page.Count == limit ? $"There may be more: --after {page[^1].Id}" : ""));
        return 0;
    }

    private async Task<int> ShowAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var id = arguments.TakeId();
        arguments.End();
        var found = await events.FindAsync(id, cancellationToken) ?? throw NotFound(id);
        await answer.WriteAsync(found, CommandJson.Default.ParkedEventDetails, found =>
        {
            var e = found.Event;
            return Answer.Facts(
                ("id", e.Id), ("type", Answer.Shortened(e.Type, 256)), ("subject", e.Subject), ("key", e.Key), ("time", e.Time), ("reason", e.Reason),
                ("parked", e.ParkedAt), ("attempts", e.Attempts), ("next attempt", e.NextAttemptAt), ("discarded", e.DiscardedAt),
                ("discarded for", e.DiscardReason), ("bytes", found.Bytes))
                + string.Concat(found.Headers?.Select(header => $"header {Answer.Facts((header.Key, header.Value))}") ?? [])
                + $"\n{(found.Body is { } body ? Answer.Printable(body) : "The event is no longer kept, or its body is not JSON.")}";
        });
        return 0;
    }

    private async Task<int> ResendAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var wanted = arguments.TakeIdOrAll();
        arguments.End();
        var resent = wanted is not { } id ? await events.ResendAllAsync(cancellationToken)
            : await events.ResendAsync(id, cancellationToken) ? 1
            : throw NotFound(id);
        await answer.WriteAsync(new(resent), CommandJson.Default.ResentEvents, result => $"{result.Resent} due now: the running service sends what is due");
        return 0;
    }

    private async Task<int> DiscardAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        var reason = arguments.TakeOption("--reason");
        if (reason?.Length > MaxReason)
            throw arguments.Wrong($"--reason must have at most {MaxReason} characters");
        var id = arguments.TakeId();
        arguments.End();
        if (!await events.DiscardAsync(id, reason, cancellationToken))
            throw NotFound(id);
        await answer.WriteAsync(new(id), CommandJson.Default.Discarded, _ => $"{id} discarded");
        return 0;
    }

    private static StartupException NotFound(Guid id) => new($"this service has no parked event {id}");
}

/// <param name="Resent">How many are due now.</param>
internal sealed record ResentEvents(int Resent);
