using System.Diagnostics;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>Publishes one event to JetStream and says how the broker answered.</summary>
internal sealed class EventPublisher(
    INatsConnection connection, INatsJSContext jetStream, IEnumerable<StreamDefinition> streams, MessagingOptions options)
{
    public bool IsConnected => connection.ConnectionState is NatsConnectionState.Open;

    /// <returns>Stored, refused for good, or unanswered: then it may or may not be stored, and the same id may be sent again.</returns>
    public async Task<PublishOutcome> PublishAsync(OutboxEvent e)
    {
        // A publish while disconnected would wait for the reconnect, with all others behind it.
        if (!IsConnected)
            return PublishOutcome.Unanswered("not connected to the broker");

        using var activity = StartActivity(e);
        // A caller's baggage must not keep the caller's order from being paid: what an event can do without is left out when it is refused.
        var forms = CloudEvent.WithLessAndLess(CloudEvent.Headers(e, options.Source, activity?.Id ?? e.TraceParent))
            .Select(headers => new MessageForm(headers, e.Payload));
        var outcome = await jetStream.PublishAsync(e.Subject, forms, CancellationToken.None);
        if (outcome.Status is not PublishStatus.Stored)
            activity?.SetStatus(ActivityStatusCode.Error, outcome.Reason).SetTag("error.type", outcome.Status.ToString());
        return outcome;
    }

    /// <returns>
    /// False when the broker says that no stream captures the subject; true also when it does not say, and when the stream is one that this
    /// service is to publish to: a broker that lost it is given it again.
    /// </returns>
    public async Task<bool> HasStreamAsync(string subject)
    {
        if (streams.Any(stream => stream.Captures(subject)))
            return true;
        try
        {
            await foreach (var _ in jetStream.ListStreamNamesAsync(subject))
                return true;
            return false;
        }
        catch (Exception)
        {
            // Whatever it is, the broker has not said so.
            return true;
        }
    }

    private static Activity? StartActivity(OutboxEvent e)
    {
        // The parent is the activity that raised the event, never whatever happens to be current in the relay.
        var parent = TraceContext.Parse(e.TraceParent, e.TraceState);
        return MessagingTelemetry.Source
            .StartActivity($"{MessagingTelemetry.Publish} {e.Subject}", ActivityKind.Producer, parent)
            .SetMessaging(MessagingTelemetry.Publish, e.Subject, e.Id);
    }
}
