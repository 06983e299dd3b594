using System.Diagnostics;
using System.Globalization;

namespace NATS.Client.Core;

/// <summary>Spans of source <c>NATS.Net</c>. Without a listener each call is one check.</summary>
internal static class NatsTelemetry
{
    public static readonly ActivitySource Source = new("NATS.Net");

    public static bool HasListeners() => Source.HasListeners();

    /// <summary>A span for <c>publish</c>, <c>request</c> or <c>subscribe</c>; null when filtered or not sampled.</summary>
    public static Activity? StartSend(string operation, NatsConnection connection, string subject, string? replyTo)
    {
        var context = new NatsInstrumentationContext(subject, null, replyTo, null, null, null, connection, default);
        if (!Source.HasListeners() || NatsInstrumentationOptions.Default.Filter?.Invoke(context) == false)
        {
            return null;
        }

        var tags = new TagList
        {
            { "messaging.system", "nats" },
            { "messaging.operation", "publish" },
            { "messaging.destination.name", subject },
        };
        Add(ref tags, connection.ServerTags);
        if (replyTo is not null)
        {
            tags.Add("messaging.nats.message.reply_to", replyTo);
        }

        var name = $"{connection.SpanName(subject)} {operation}";
        return Enrich(Source.StartActivity(name, ActivityKind.Producer, default(ActivityContext), tags), context);
    }

    /// <summary>Writes the span's trace context into the headers, making them when there are none.</summary>
    public static void Inject(Activity? activity, ref NatsHeaders? headers)
    {
        if (activity is null)
        {
            return;
        }

        headers ??= new NatsHeaders();
        DistributedContextPropagator.Current.Inject(
            activity, headers, static (carrier, name, value) => ((NatsHeaders)carrier!).Overwrite(name, value));
    }

    /// <summary>Starts the span of a receipt, child of the publisher's; it ends when the application reads the message.</summary>
    public static void RecordReceive(NatsConnection connection, in Delivery delivery, int size, ref NatsHeaders? headers)
    {
        headers ??= new NatsHeaders();
        var parent = Extract(headers);
        var bodySize = delivery.Payload.Length;
        var context = new NatsInstrumentationContext(
            delivery.Subject, headers, delivery.ReplyTo, null, bodySize, size, connection, parent);
        if (NatsInstrumentationOptions.Default.Filter?.Invoke(context) == false)
        {
            return;
        }

        var isInbox = delivery.Subject.StartsWith(connection.InboxPrefix, StringComparison.Ordinal);
        var tags = new TagList
        {
            { "messaging.system", "nats" },
            { "messaging.operation", "receive" },
            { "messaging.destination.template", delivery.Subject },
            { "messaging.destination.temporary", isInbox ? "true" : "false" },
            { "messaging.nats.message.subject", delivery.Subject },
            { "messaging.destination.name", delivery.Subject },
            { "messaging.destination_publish.name", delivery.Subject },
            { "messaging.message.body.size", bodySize.ToString(CultureInfo.InvariantCulture) },
            { "messaging.message.envelope.size", size.ToString(CultureInfo.InvariantCulture) },
        };
        Add(ref tags, connection.ServerTags);
        if (delivery.ReplyTo is not null)
        {
            tags.Add("messaging.nats.message.reply_to", delivery.ReplyTo);
        }

        // The span must not become the current one of the read loop, whose later messages belong to other traces.
        var current = Activity.Current;
        headers.Activity = Enrich(
            Source.StartActivity(
                $"{connection.SpanName(delivery.Subject)} receive", ActivityKind.Consumer, parent, tags), context);
        Activity.Current = current;
    }

    /// <summary>Ends the span of a receipt and leaves the reader's current span alone.</summary>
    public static void EndReceive(NatsHeaders? headers)
    {
        if (headers?.Activity is not { } activity)
        {
            return;
        }

        var current = Activity.Current;
        activity.Dispose();
        Activity.Current = current;
    }

    public static KeyValuePair<string, object?>[] TagsOf(INatsServerInfo server)
    {
        var port = server.Port.ToString(CultureInfo.InvariantCulture);
        return
        [
            new("messaging.client_id", server.ClientId.ToString(CultureInfo.InvariantCulture)),
            new("server.address", server.Host),
            new("server.port", port),
            new("network.protocol.name", "nats"),
            new("network.transport", "tcp"),
            new("network.peer.address", server.Host),
            new("network.peer.port", port),
            new("network.local.address", server.ClientIp),
        ];
    }

    public static void SetException(Activity? activity, Exception exception)
    {
        activity?.AddException(exception, [new("exception.escaped", true)]);
        activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
    }

    private static Activity? Enrich(Activity? activity, in NatsInstrumentationContext context)
    {
        if (activity is not null)
        {
            NatsInstrumentationOptions.Default.Enrich?.Invoke(activity, context);
        }

        return activity;
    }

    private static ActivityContext Extract(NatsHeaders headers)
    {
        DistributedContextPropagator.Current.ExtractTraceIdAndState(
            headers,
            static (object? carrier, string name, out string? value, out IEnumerable<string>? values) =>
            {
                var found = ((NatsHeaders)carrier!)[name];
                value = found.Count == 1 ? found[0] : null;
                values = found.Count > 1 ? found.OfType<string>() : null;
            },
            out var traceParent,
            out var traceState);
        return ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var context) ? context : default;
    }

    private static void Add(ref TagList tags, KeyValuePair<string, object?>[] more)
    {
        foreach (var tag in more)
        {
            tags.Add(tag);
        }
    }
}
