using Microsoft.Extensions.Logging;

namespace EventShop.Messaging;

/// <summary>Everything this library logs. No payload, no token, no personal data.</summary>
internal static partial class Log
{
    [LoggerMessage(10, LogLevel.Error, "Event {EventId} ({EventType}) is refused by the broker and parked; it is sent again ever more rarely: {Reason}")]
    public static partial void EventParked(this ILogger log, Guid eventId, string eventType, string? reason);

    [LoggerMessage(11, LogLevel.Debug, "Event {EventId} ({EventType}) got no answer and is sent again later: {Reason}")]
    public static partial void EventUnanswered(this ILogger log, Guid eventId, string eventType, string? reason);

    [LoggerMessage(12, LogLevel.Warning, "Event {EventId} could not be marked as sent, and is sent again: {Reason}")]
    public static partial void EventNotMarked(this ILogger log, Guid eventId, string reason);

    [LoggerMessage(13, LogLevel.Information, "Pruned {Count} sent events")]
    public static partial void Pruned(this ILogger log, long count);

    [LoggerMessage(14, LogLevel.Warning, "Event {EventId} ({EventType}) is sent without its baggage or trace context, because it was refused with them: {Reason}")]
    public static partial void EventSentWithLess(this ILogger log, Guid eventId, string eventType, string reason);

    [LoggerMessage(15, LogLevel.Information, "Event {EventId} ({EventType}), parked since {ParkedAt:O}, is sent")]
    public static partial void EventUnparked(this ILogger log, Guid eventId, string eventType, DateTimeOffset parkedAt);

    [LoggerMessage(16, LogLevel.Warning, "Event {EventId}, parked since {ParkedAt:O}, is discarded by an operator and never sent: {Reason}")]
    public static partial void EventDiscarded(this ILogger log, Guid eventId, DateTimeOffset parkedAt, string? reason);

    [LoggerMessage(20, LogLevel.Information, "Stream {Stream} {Change}")]
    public static partial void StreamProvisioned(this ILogger log, string stream, string change);

    [LoggerMessage(21, LogLevel.Information, "Consumer {Consumer} on stream {Stream} {Change}")]
    public static partial void ConsumerProvisioned(this ILogger log, string consumer, string stream, string change);

    [LoggerMessage(22, LogLevel.Warning, "Not connected to NATS at {Url}: {Reason}. Start nats-server with JetStream there, or set ConnectionStrings__nats. Trying again")]
    public static partial void NotConnected(this ILogger log, string url, string reason);

    [LoggerMessage(23, LogLevel.Error, "{Topology} differs from its definition and could not be changed: {Difference}")]
    public static partial void TopologyDrift(this ILogger log, string topology, string difference);

    [LoggerMessage(24, LogLevel.Warning, "{Topology} differs from its definition and is left as it is: {Difference}. The service's setup command changes it, with --Messaging:AllowLoss=true also where messages may be deleted")]
    public static partial void DifferenceLeft(this ILogger log, string topology, string difference);

    [LoggerMessage(25, LogLevel.Information, "Waiting for stream {Stream}, which another service makes")]
    public static partial void StreamAwaited(this ILogger log, string stream);

    [LoggerMessage(17, LogLevel.Information, "The settings {Section} are for no consumer of this service, which has {Consumers}")]
    public static partial void SettingsOfNoConsumer(this ILogger log, string section, string consumers);

    [LoggerMessage(26, LogLevel.Warning, "Lost the connection to NATS at {Url}. Reconnecting")]
    public static partial void ConnectionLost(this ILogger log, string url);

    [LoggerMessage(27, LogLevel.Warning, "Still not connected to NATS at {Url} after {Duration}: {Reason}")]
    public static partial void StillNotConnected(this ILogger log, string url, TimeSpan duration, string? reason);

    [LoggerMessage(28, LogLevel.Information, "Connected to NATS at {Url} again after {Duration}")]
    public static partial void ConnectionBack(this ILogger log, string url, TimeSpan duration);

    [LoggerMessage(29, LogLevel.Debug, "The connection to NATS at {Url} was left without a goodbye: {Reason}")]
    public static partial void NotClosed(this ILogger log, string url, string reason);

    [LoggerMessage(30, LogLevel.Warning, "{Consumer}: {EventType} {EventId} failed on attempt {Attempt} and is tried again in {Delay}: {Reason}")]
    public static partial void HandlingFailed(this ILogger log, string consumer, string? eventType, Guid? eventId, int attempt, TimeSpan delay, string reason, Exception exception);

    [LoggerMessage(31, LogLevel.Error, "{Consumer}: message {Sequence} of {Stream} goes to the dead letters after {Attempt} attempts: {Reason}")]
    public static partial void DeadLettered(this ILogger log, string consumer, ulong sequence, string stream, int attempt, string reason);

    [LoggerMessage(32, LogLevel.Warning, "{Consumer} pauses: {Reason}")]
    public static partial void ConsumptionPaused(this ILogger log, string consumer, string reason);

    [LoggerMessage(33, LogLevel.Information, "{Consumer} goes on")]
    public static partial void ConsumptionResumed(this ILogger log, string consumer);

    [LoggerMessage(34, LogLevel.Information, "{Consumer} drained: {Finished} finished, {Returned} handed back")]
    public static partial void Drained(this ILogger log, string consumer, int finished, int returned);

    [LoggerMessage(35, LogLevel.Warning, "{Consumer}: an acknowledgement could not be sent, the message will come again: {Reason}")]
    public static partial void SettlementFailed(this ILogger log, string consumer, string reason);

    [LoggerMessage(37, LogLevel.Debug, "{Consumer}: the acknowledgement of message {Sequence} is sent when the connection is back")]
    public static partial void SettlementDelayed(this ILogger log, string consumer, ulong sequence);

    [LoggerMessage(38, LogLevel.Error, "{Consumer}: message {Sequence} of {Stream} could not be processed and is tried again: {Reason}")]
    public static partial void ProcessingFailed(this ILogger log, string consumer, ulong sequence, string stream, string reason, Exception exception);

    [LoggerMessage(39, LogLevel.Information, "{Consumer}: the broker did not confirm the last acknowledgements. What it did not get comes again")]
    public static partial void AcknowledgementsUncertain(this ILogger log, string consumer);

    [LoggerMessage(53, LogLevel.Debug, "{Consumer}: the attempts at message {Sequence} could not be put right: {Reason}")]
    public static partial void AttemptsNotKept(this ILogger log, string consumer, ulong sequence, string reason);

    [LoggerMessage(36, LogLevel.Debug, "{Consumer} could not be asked for its lag: {Reason}")]
    public static partial void ConsumerNotRead(this ILogger log, string consumer, string reason);

    [LoggerMessage(50, LogLevel.Warning, "{Consumer}: the dead letter of message {Sequence} of {Stream} says where the message is; a copy was refused: {Reason}")]
    public static partial void DeadLetterIsReference(this ILogger log, string consumer, ulong sequence, string stream, string reason);

    [LoggerMessage(51, LogLevel.Information, "{Consumer}: dead letter {LetterId} is obsolete: {Reason}")]
    public static partial void DeadLetterIsObsolete(this ILogger log, string consumer, Guid letterId, string reason);

    [LoggerMessage(52, LogLevel.Debug, "The dead letters could not be read: {Reason}")]
    public static partial void DeadLettersNotRead(this ILogger log, string reason);

    [LoggerMessage(54, LogLevel.Information, "Pruned {Count} rows of the inbox")]
    public static partial void InboxPruned(this ILogger log, long count);

    [LoggerMessage(55, LogLevel.Information, "The inbox is not pruned: {Reason}")]
    public static partial void InboxNotPruned(this ILogger log, string reason);
}
