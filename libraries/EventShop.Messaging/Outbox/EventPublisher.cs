using System.Diagnostics;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

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

/// <summary>How the broker answered a publish.</summary>
/// <param name="Status">Stored, refused for good, or unanswered: then it may or may not be stored.</param>
/// <param name="Reason">Why it is not stored.</param>
/// <param name="Refusal">Why the forms before this one were refused; null when it was the first.</param>
internal readonly record struct PublishOutcome(PublishStatus Status, string? Reason, string? Refusal = null)
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

/// <summary>A message as it could be published.</summary>
internal readonly record struct MessageForm(NatsHeaders Headers, byte[] Body);

/// <summary>Publishes a message in the first of its forms that the broker takes.</summary>
internal static class FormPublishing
{
    // A PubAck error that another attempt cannot cure; every other one (storage full, no leader) passes.
    private const int MessageExceedsMaximum = 10054;
    private const int HeaderExceedsMaximum = 10097;

    /// <summary>Whatever serializers the connection has been given: bodies are bytes.</summary>
    private static readonly INatsSerialize<byte[]> Raw = NatsRawSerializer<byte[]>.Default;

    private static readonly NatsJSPubOpts PublishOptions = new() { RetryAttempts = 1 };

    /// <summary>Never throws, but when it is cancelled.</summary>
    public static async Task<PublishOutcome> PublishAsync(
        this INatsJSContext jetStream, string subject, IEnumerable<MessageForm> forms, CancellationToken cancellationToken)
    {
        string? refusal = null;
        PublishOutcome outcome = default;
        foreach (var form in forms)
        {
            outcome = await TryPublishAsync(jetStream, subject, form, cancellationToken) with { Refusal = refusal };
            if (outcome.Status is not PublishStatus.Refused)
                break;
            refusal ??= outcome.Reason;
        }
        return outcome;
    }

    private static async Task<PublishOutcome> TryPublishAsync(
        INatsJSContext jetStream, string subject, MessageForm form, CancellationToken cancellationToken)
    {
        try
        {
            // An empty block of headers has 12 bytes.
            var headers = form.Headers.Count == 0 ? null : form.Headers;
            var result = await jetStream.TryPublishAsync(
                subject, form.Body, serializer: Raw, opts: PublishOptions, headers: headers, cancellationToken: cancellationToken);
            return result.Success ? Read(result.Value) : Read(result.Error);
        }
        catch (Exception trouble) when (!cancellationToken.IsCancellationRequested)
        {
            // Not every error is a result, nor a NatsException: a connection that is closed meanwhile throws others.
            return Read(trouble);
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
}
