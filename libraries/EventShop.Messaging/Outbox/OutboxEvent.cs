using System.Diagnostics;
using System.Text.Json;

namespace EventShop.Messaging;

/// <summary>An event on its way out: what a row of the <c>outbox</c> table holds.</summary>
/// <param name="Id">The event's identity: <c>ce-id</c> and <c>Nats-Msg-Id</c>. Of version 7 by default, so that rows are stored in order of time.</param>
/// <param name="Key">The aggregate it is about, for example the order's id.</param>
/// <param name="Payload">The event as UTF-8 JSON.</param>
/// <param name="TraceParent">The W3C context of the activity that raised it, kept so that a late publish still joins its trace.</param>
public sealed record OutboxEvent(
    Guid Id, string Key, string Type, string Subject, DateTimeOffset Time, byte[] Payload,
    string? TraceParent, string? TraceState, string? Baggage)
{
    private const int MaxKey = 256;

    /// <summary>When it is to be published, at the earliest: a scheduled event. Null: as soon as its transaction has committed.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>Raises an event about <paramref name="key"/>; it exists once the transaction that stores it has committed.</summary>
    /// <param name="message">The event.</param>
    /// <param name="key">The aggregate it is about.</param>
    /// <param name="now">When it happened.</param>
    /// <param name="id">Its identity, where it follows from the aggregate (an order is created once); otherwise a new one.</param>
    /// <exception cref="ArgumentException">The key is empty, too long, or has a control character.</exception>
    public static OutboxEvent Of<TEvent>(TEvent message, string key, DateTimeOffset now, Guid? id = null) where TEvent : IEvent<TEvent>
    {
        if (key.Length is 0 or > MaxKey || key.Any(char.IsControl))
            throw new ArgumentException($"The key of an event has 1 to {MaxKey} characters and no control character.", nameof(key));
        var activity = Activity.Current;
        // PostgreSQL keeps microseconds: an event read back from the table is the event that was raised.
        var time = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
        return new(id ?? Guid.CreateVersion7(now), key, TEvent.Type, TEvent.Subject, time,
            JsonSerializer.SerializeToUtf8Bytes(message, TEvent.Json),
            TraceContext.ParentOf(activity), TraceContext.StateOf(activity), TraceContext.BaggageOf(activity));
    }

    /// <inheritdoc cref="Of{TEvent}(TEvent, string, DateTimeOffset, Guid?)"/>
    public static OutboxEvent Of<TEvent>(TEvent message, Guid key, DateTimeOffset now, Guid? id = null) where TEvent : IEvent<TEvent> =>
        Of(message, key.ToString(), now, id);
}
