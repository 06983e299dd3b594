using System.Diagnostics;
using System.Runtime.CompilerServices;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>Shorthands.</summary>
public static class NatsJSExtensions
{
    /// <summary>
    /// Throws <see cref="NatsJSApiException"/>, and for a duplicate <see cref="NatsJSDuplicateMessageException"/>.
    /// </summary>
    public static void EnsureSuccess(this PubAckResponse ack)
    {
        ArgumentNullException.ThrowIfNull(ack);
        if (ack.Error is { } error)
        {
            throw new NatsJSApiException(error);
        }

        if (ack.Duplicate)
        {
            throw new NatsJSDuplicateMessageException(ack.Seq);
        }
    }

    /// <summary>Whether it was stored now: neither refused nor a duplicate.</summary>
    public static bool IsSuccess(this PubAckResponse ack)
    {
        ArgumentNullException.ThrowIfNull(ack);
        return ack is { Error: null, Duplicate: false };
    }

    /// <summary>Asks for another delivery after a time.</summary>
    public static ValueTask NakAsync<T>(this INatsJSMsg<T> msg, TimeSpan delay, CancellationToken cancellationToken = default) =>
        msg.NakAsync(new AckOpts { NakDelay = delay }, cancellationToken);

    /// <summary>Asks for no further delivery, and says why.</summary>
    public static ValueTask AckTerminateAsync<T>(
        this INatsJSMsg<T> msg, string reason, CancellationToken cancellationToken = default) =>
        msg.AckTerminateAsync(new AckOpts { TerminateReason = reason }, cancellationToken);
}

/// <summary>Spans that continue a message's trace.</summary>
public static class NatsJSTelemetryExtensions
{
    /// <summary>Starts a span below the message's receipt; null without a listener.</summary>
    public static Activity? StartActivity<T>(
        this INatsJSMsg<T> msg, [CallerMemberName] string name = "", IEnumerable<KeyValuePair<string, object?>>? tags = null) =>
        NatsTelemetry.Source.StartActivity(name, ActivityKind.Internal, msg.Headers.GetActivityContext(), tags);
}
