namespace EventShop.Messaging;

/// <summary>A stream as the service that publishes to it wants it. Always on disk, kept by limits.</summary>
/// <param name="Name">Upper case by convention: <c>ORDERS</c>.</param>
/// <param name="Subjects">What it captures, for example <c>orders.&gt;</c>.</param>
public sealed record StreamDefinition(string Name, params string[] Subjects)
{
    /// <summary>How long messages are kept.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long the broker recognises an id it has already stored. Longer than the relay waits between two attempts.</summary>
    public TimeSpan DuplicateWindow { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Whether this subject is one of its subjects, of which <c>*</c> stands for one part and a last <c>&gt;</c> for one or more.</summary>
    public bool Captures(string subject) => Captures(Subjects, subject);

    /// <summary>Whether this subject, which may have <c>*</c> and <c>&gt;</c> itself, is in one of the others.</summary>
    internal static bool Captures(IEnumerable<string> patterns, string subject) =>
        patterns.Any(pattern => Covers(pattern.Split('.'), subject.Split('.')));

    private static bool Covers(string[] pattern, string[] subject)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] is ">")
                return i < subject.Length;
            if (i == subject.Length || (pattern[i] != subject[i] && (pattern[i] is not "*" || subject[i] is ">")))
                return false;
        }
        return pattern.Length == subject.Length;
    }
}

/// <summary>A durable pull consumer as the service that handles its messages wants it.</summary>
/// <param name="Name">Its durable name.</param>
/// <param name="Stream">The stream it reads.</param>
/// <param name="Subject">The subjects of it that it wants.</param>
/// <param name="Start">Where it begins when it is new.</param>
/// <param name="Handlers">What handles them.</param>
/// <param name="Options">How it is read.</param>
internal sealed record ConsumerDefinition(string Name, string Stream, string Subject, StartAt Start, HandlerMap Handlers, ConsumerOptions Options);
