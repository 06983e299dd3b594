using System.Diagnostics;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>Publishes one event to JetStream and says how the broker answered.</summary>
internal sealed class EventPublisher(
    INatsConnection connection, INatsJSContext jetStream, IEnumerable<StreamDefinition> streams, MessagingOptions options)
{
    // A PubAck error that another attempt cannot cure; every other one (storage full, no leader) passes.
    private const int MessageExceedsMaximum = 10054;
    private const int HeaderExceedsMaximum = 10097;

    private static readonly NatsJSPubOpts PublishOptions = new() { RetryAttempts = 1 };

    public bool IsConnected => connection.ConnectionState is NatsConnectionState.Open;

    /// <returns>Stored, refused for good, or unanswered: then it may or may not be stored, and the same id may be sent again.</returns>
    public async Task<PublishOutcome> PublishAsync(OutboxEvent e)
    {
        // A publish while disconnected would wait for the reconnect, with all others behind it.
        if (!IsConnected)
            return PublishOutcome.Unanswered("not connected to the broker");

        using var activity = StartActivity(e);
        var outcome = await TryPublishAsync(e, activity);
        if (outcome.Status is not PublishStatus.Stored)
            activity?.SetStatus(ActivityStatusCode.Error, outcome.Reason).SetTag("error.type", outcome.Status.ToString());
        return outcome;
    }

    private async Task<PublishOutcome> TryPublishAsync(OutboxEvent e, Activity? activity)
    {
        try
        {
            var headers = CloudEvent.Headers(e, options.Source, activity?.Id ?? e.TraceParent);
            var result = await jetStream.TryPublishAsync(e.Subject, e.Payload, opts: PublishOptions, headers: headers);
            return result.Success ? Read(result.Value) : Read(result.Error);
        }
        catch (Exception trouble)
        {
            // Not every error is a result, nor a NatsException: a connection that is closed meanwhile throws others.
            return Read(trouble);
        }
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

    private static PublishOutcome Read(PubAckResponse answer)
    {
        // A duplicate is success: the event is in the stream. (EnsureSuccess would throw on it.)
        if (answer.Error is not { } error)
            return PublishOutcome.Stored;
        var reason = $"{error.Description} ({error.ErrCode})";
        return error.ErrCode is MessageExceedsMaximum or HeaderExceedsMaximum
            ? PublishOutcome.Refused(reason)
            : PublishOutcome.Unanswered(reason);
    }

    // What the client itself refuses, another attempt cannot cure: a payload too large for the broker, or a subject or header that would
    // break the protocol. For these two it has no exception of their own; of a connection that was open, nothing else throws the bare one.
    private static PublishOutcome Read(Exception trouble) =>
        trouble is NatsPayloadTooLargeException || trouble.GetType() == typeof(NatsException)
            ? PublishOutcome.Refused(trouble.Message)
            : PublishOutcome.Unanswered(trouble.Message);

    private static Activity? StartActivity(OutboxEvent e)
    {
        // The parent is the activity that raised the event, never whatever happens to be current in the relay.
        var parent = TraceContext.Parse(e.TraceParent, e.TraceState);
        return MessagingTelemetry.Source
            .StartActivity($"{MessagingTelemetry.Publish} {e.Subject}", ActivityKind.Producer, parent)
            .SetMessaging(MessagingTelemetry.Publish, e.Subject, e.Id);
    }
}

/// <summary>How the broker answered a publish.</summary>
internal readonly record struct PublishOutcome(PublishStatus Status, string? Reason)
{
    public static PublishOutcome Stored => new(PublishStatus.Stored, null);
    public static PublishOutcome Refused(string reason) => new(PublishStatus.Refused, reason);
    public static PublishOutcome Unanswered(string reason) => new(PublishStatus.Unanswered, reason);
}

internal enum PublishStatus
{
    Stored,
    Refused,
    Unanswered,
}
