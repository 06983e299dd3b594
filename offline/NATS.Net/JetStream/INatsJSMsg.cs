using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>A message of a consumer.</summary>
public interface INatsJSMsg<out T> : INatsMsg
{
    /// <summary>Its subject.</summary>
    string Subject { get; }

    /// <summary>Subject, reply subject, headers and payload together, in bytes.</summary>
    int Size { get; }

    /// <summary>Its data; default when empty or unreadable, see <see cref="Error"/>.</summary>
    T? Data { get; }

    /// <summary>The connection it came by.</summary>
    INatsConnection? Connection { get; }

    /// <summary>Where it stands in its stream and how often it was delivered.</summary>
    NatsJSMsgMetadata? Metadata { get; }

    /// <summary>Where acknowledgements go.</summary>
    string? ReplyTo { get; }

    /// <summary>What was wrong with its headers or data.</summary>
    NatsException? Error { get; }

    /// <summary>Throws <see cref="Error"/>.</summary>
    void EnsureSuccess();

    /// <summary>It is done.</summary>
    ValueTask AckAsync(AckOpts? opts = null, CancellationToken cancellationToken = default);

    /// <summary>It failed: deliver again, at once or after <see cref="AckOpts.NakDelay"/>.</summary>
    ValueTask NakAsync(AckOpts? opts = null, CancellationToken cancellationToken = default);

    /// <summary>It is being worked on: wait for as long again.</summary>
    ValueTask AckProgressAsync(AckOpts? opts = null, CancellationToken cancellationToken = default);

    /// <summary>Never deliver it again.</summary>
    ValueTask AckTerminateAsync(AckOpts? opts = null, CancellationToken cancellationToken = default);
}

/// <summary>Where a message stands.</summary>
public readonly record struct NatsJSMsgMetadata(
    NatsJSSequencePair Sequence,
    ulong NumDelivered,
    ulong NumPending,
    DateTimeOffset Timestamp,
    string Stream,
    string Consumer,
    string Domain);

/// <summary>A message's number in its stream, and its delivery's number.</summary>
public readonly record struct NatsJSSequencePair(ulong Stream, ulong Consumer);
