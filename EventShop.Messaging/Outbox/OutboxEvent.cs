using System.Diagnostics;
using System.Text.Json;

namespace EventShop.Messaging;

/// <summary>An event on its way out: what a row of the <c>outbox</c> table holds.</summary>
/// <param name="Id">The event's identity: <c>ce-id</c> and <c>Nats-Msg-Id</c>. Version 7, so that rows are stored in order of time.</param>
/// <param name="Key">The aggregate it is about, for example the order's id.</param>
/// <param name="Payload">The event as UTF-8 JSON.</param>
/// <param name="TraceParent">The W3C context of the activity that raised it, kept so that a late publish still joins its trace.</param>
public sealed record OutboxEvent(
    Guid Id, Guid Key, string Type, string Subject, DateTimeOffset Time, byte[] Payload,
    string? TraceParent, string? TraceState, string? Baggage)
{
    /// <summary>Raises an event about <paramref name="key"/>; it exists once the transaction that stores it has committed.</summary>
    /// <param name="message">The event.</param>
    /// <param name="key">The aggregate it is about.</param>
    /// <param name="now">When it happened.</param>
    /// <param name="id">Its identity, where it follows from the aggregate (an order is created once); otherwise a new one.</param>
    public static OutboxEvent Of<TEvent>(TEvent message, Guid key, DateTimeOffset now, Guid? id = null) where TEvent : IEvent<TEvent>
    {
        var activity = Activity.Current;
        // PostgreSQL keeps microseconds: an event read back from the table is the event that was raised.
        var time = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
        return new(id ?? Guid.CreateVersion7(now), key, TEvent.Type, TEvent.Subject, time,
            JsonSerializer.SerializeToUtf8Bytes(message, TEvent.Json),
            TraceContext.ParentOf(activity), TraceContext.StateOf(activity), TraceContext.BaggageOf(activity));
    }
}
