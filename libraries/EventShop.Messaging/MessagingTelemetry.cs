using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace EventShop.Messaging;

/// <summary>Every name this library gives to a span, a metric or an attribute.</summary>
public static class MessagingTelemetry
{
    /// <summary>The activity source and the meter to subscribe to.</summary>
    public const string Name = "EventShop.Messaging";

    internal const string Nats = "nats";
    internal const string Publish = "publish";
    internal const string Process = "process";
    internal const string ConsumerName = "messaging.consumer.group.name";
    internal const string EventType = "eventshop.event.type";
    internal const string Outcome = "eventshop.outcome";

    internal static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    // The SDK's own buckets are for milliseconds.
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    };

    internal static readonly Counter<long> Relayed = Meter.CreateCounter<long>(
        "eventshop.outbox.relayed", "{event}", "Events given to the broker, by outcome");
    internal static readonly Gauge<double> OutboxAge = Meter.CreateGauge<double>(
        "eventshop.outbox.oldest_age", "s", "Age of the oldest event not yet acknowledged by the broker");
    internal static readonly Gauge<long> OutboxDepth = Meter.CreateGauge<long>(
        "eventshop.outbox.unsent", "{event}", "Events not yet acknowledged by the broker");
    internal static readonly Gauge<long> OutboxScheduled = Meter.CreateGauge<long>(
        "eventshop.outbox.scheduled", "{event}", "Events stored to be published at a later time");
    internal static readonly Gauge<long> OutboxParked = Meter.CreateGauge<long>(
        "eventshop.outbox.parked", "{event}", "Events the broker refuses; they are sent again ever more rarely");
    internal static readonly Histogram<double> ProcessDuration = Meter.CreateHistogram(
        "messaging.process.duration", "s", "Time a handler took, by outcome", tags: null, Seconds);
    internal static readonly Counter<long> DeadLettered = Meter.CreateCounter<long>(
        "eventshop.dead_letters", "{message}", "Messages given up, by consumer");
    internal static readonly Gauge<long> DeadLettersOpen = Meter.CreateGauge<long>(
        "eventshop.dead_letters.open", "{message}", "Dead letters that are not obsolete, waiting for an operator");
    internal static readonly Counter<long> Retried = Meter.CreateCounter<long>(
        "eventshop.consumer.retries", "{message}", "Deliveries handed back for another attempt, by consumer");
    internal static readonly Gauge<long> ConsumerLag = Meter.CreateGauge<long>(
        "eventshop.consumer.lag", "{message}", "Messages in the stream not yet delivered to the consumer");
    internal static readonly Gauge<long> ConsumerAckPending = Meter.CreateGauge<long>(
        "eventshop.consumer.ack_pending", "{message}", "Messages delivered and not yet acknowledged");

    /// <summary>Attributes of OpenTelemetry's messaging conventions that every span here carries.</summary>
    internal static Activity? SetMessaging(this Activity? activity, string operation, string subject, Guid eventId) => activity?
        .SetTag("messaging.system", Nats)
        .SetTag("messaging.operation.type", operation is Publish ? "send" : operation)
        .SetTag("messaging.operation.name", operation)
        .SetTag("messaging.destination.name", subject)
        .SetTag("messaging.message.id", eventId.ToString());
}
