using System.Diagnostics;

namespace NATS.Client.Core;

/// <summary>What a span is about.</summary>
public readonly record struct NatsInstrumentationContext(
    string Subject,
    NatsHeaders? Headers,
    string? ReplyTo,
    string? QueueGroup,
    long? BodySize,
    long? Size,
    INatsConnection? Connection,
    ActivityContext ParentContext);

/// <summary>Options of the spans of source <c>NATS.Net</c>, for the whole process.</summary>
public sealed class NatsInstrumentationOptions
{
    /// <summary>The options in force.</summary>
    public static NatsInstrumentationOptions Default { get; } = new();

    /// <summary>Says which spans to start; a publish without a span carries no trace context.</summary>
    public Func<NatsInstrumentationContext, bool>? Filter { get; set; }

    /// <summary>Adds to a span when it starts.</summary>
    public Action<Activity, NatsInstrumentationContext>? Enrich { get; set; }
}
