using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace NATS.Client.Core;

/// <summary>Refuses what would break a line of the protocol; the server checks the rest.</summary>
internal static class SubjectRules
{
    private static readonly SearchValues<char> Whitespace = SearchValues.Create(" \r\n\t");

    public static void CheckSubject([NotNull] string? subject)
    {
        if (string.IsNullOrEmpty(subject) || subject.AsSpan().ContainsAny(Whitespace))
        {
            throw new NatsException("Subject is invalid.");
        }
    }

    public static void CheckReplyTo(string? replyTo)
    {
        if (replyTo is not null)
        {
            CheckSubject(replyTo);
        }
    }

    public static void CheckQueueGroup(string? queueGroup)
    {
        if (queueGroup is not null && (queueGroup.Length == 0 || queueGroup.AsSpan().ContainsAny(Whitespace)))
        {
            throw new NatsException("Queue group is invalid.");
        }
    }
}
