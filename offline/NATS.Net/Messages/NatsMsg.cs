using System.Diagnostics.CodeAnalysis;

namespace NATS.Client.Core;

/// <summary>What is known of a message from its lengths and status.</summary>
[Flags]
public enum NatsMsgFlags : byte
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>No payload.</summary>
    Empty = 1,

    /// <summary>The server's word that nobody listens.</summary>
    NoResponders = 2,
}

/// <summary>What every message has.</summary>
public interface INatsMsg
{
    /// <summary>The headers, if any.</summary>
    NatsHeaders? Headers { get; }
}

/// <summary>A message.</summary>
public readonly record struct NatsMsg<T> : INatsMsg
{
    /// <summary>A message.</summary>
    public NatsMsg(
        string subject, string? replyTo, int size, NatsHeaders? headers, T? data, INatsConnection? connection, NatsMsgFlags flags = default)
    {
        Subject = subject;
        ReplyTo = replyTo;
        Size = size;
        Headers = headers;
        Data = data;
        Connection = connection;
        Flags = flags;
    }

    /// <summary>Its subject.</summary>
    public string Subject { get; init; }

    /// <summary>Where a reply goes.</summary>
    public string? ReplyTo { get; init; }

    /// <summary>Subject, reply subject, headers and payload together, in bytes.</summary>
    public int Size { get; init; }

    /// <summary>Its headers.</summary>
    public NatsHeaders? Headers { get; init; }

    /// <summary>Its data; default when empty or unreadable, see <see cref="Error"/>.</summary>
    public T? Data { get; init; }

    /// <summary>The connection it came by.</summary>
    public INatsConnection? Connection { get; init; }

    /// <summary>What is known of it.</summary>
    public NatsMsgFlags Flags { get; init; }

    /// <summary>What was wrong with its headers or data.</summary>
    public NatsException? Error => Headers?.Error;

    /// <summary>Whether it has no payload.</summary>
    public bool IsEmpty => (Flags & NatsMsgFlags.Empty) != 0;

    /// <summary>Whether it says that nobody listens.</summary>
    public bool HasNoResponders => (Flags & NatsMsgFlags.NoResponders) != 0;

    /// <summary>Throws <see cref="NatsNoRespondersException"/> or <see cref="Error"/>.</summary>
    public void EnsureSuccess()
    {
        if (HasNoResponders)
        {
            throw new NatsNoRespondersException();
        }

        if (Error is { } error)
        {
            throw error;
        }
    }

    /// <summary>Replies with an empty message.</summary>
    public ValueTask ReplyAsync(
        NatsHeaders? headers = default, string? replyTo = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default)
    {
        CheckReplyable();
        return Connection.PublishAsync(ReplyTo, headers, replyTo, opts, cancellationToken);
    }

    /// <summary>Replies with data.</summary>
    public ValueTask ReplyAsync<TReply>(
        TReply data,
        NatsHeaders? headers = default,
        string? replyTo = default,
        INatsSerialize<TReply>? serializer = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default)
    {
        CheckReplyable();
        return Connection.PublishAsync(ReplyTo, data, headers, replyTo, serializer, opts, cancellationToken);
    }

    /// <summary>Replies with a message, whose subject is replaced.</summary>
    public ValueTask ReplyAsync<TReply>(
        NatsMsg<TReply> msg,
        INatsSerialize<TReply>? serializer = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default)
    {
        CheckReplyable();
        return Connection.PublishAsync(msg with { Subject = ReplyTo }, serializer, opts, cancellationToken);
    }

    [MemberNotNull(nameof(Connection), nameof(ReplyTo))]
    private void CheckReplyable()
    {
        if (Connection is null)
        {
            throw new NatsException("unable to send reply; message did not originate from a subscription");
        }

        if (string.IsNullOrWhiteSpace(ReplyTo))
        {
            throw new NatsException("unable to send reply; ReplyTo is empty");
        }
    }
}

/// <summary>The data could not be read.</summary>
public class NatsDeserializeException(byte[] rawData, Exception inner) : NatsException("Exception during deserialization", inner)
{
    /// <summary>The payload.</summary>
    public byte[] RawData { get; } = rawData;
}

/// <summary>The headers could not be read.</summary>
public class NatsHeaderParseException(byte[] rawData, Exception inner) : NatsException("Exception parsing headers", inner)
{
    /// <summary>The headers.</summary>
    public byte[] RawData { get; } = rawData;
}
