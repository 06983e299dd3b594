using System.Buffers;
using System.Text;

namespace NATS.Client.Core;

/// <summary>A message as it arrived; its bytes are only valid until the read loop goes on.</summary>
internal readonly struct Delivery(
    string subject, string? replyTo, bool hasHeaders, ReadOnlySequence<byte> headers, ReadOnlySequence<byte> payload)
{
    public string Subject { get; } = subject;

    public string? ReplyTo { get; } = replyTo;

    public bool HasHeaders { get; } = hasHeaders;

    public ReadOnlySequence<byte> Headers { get; } = headers;

    public ReadOnlySequence<byte> Payload { get; } = payload;

    public bool IsNoResponders => Payload.IsEmpty && HasHeaders && HeaderFormat.IsNoResponders(Contiguous(Headers));

    /// <summary>Makes the message the application gets. Never throws: what is unreadable is in the message's error.</summary>
    public NatsMsg<T> ToMsg<T>(NatsConnection connection, INatsDeserialize<T> deserializer)
    {
        var flags = NatsMsgFlags.None;
        if (Payload.IsEmpty)
        {
            flags = IsNoResponders ? NatsMsgFlags.Empty | NatsMsgFlags.NoResponders : NatsMsgFlags.Empty;
        }

        var headers = HasHeaders ? ParseHeaders(connection.Opts.HeaderEncoding) : null;
        headers?.SetReadOnly();
        var size = Subject.Length + (ReplyTo?.Length ?? 0) + (int)Headers.Length + (int)Payload.Length;
        if (NatsTelemetry.HasListeners())
        {
            NatsTelemetry.RecordReceive(connection, this, size, ref headers);
        }

        T? data = default;
        if (headers?.Error is null)
        {
            try
            {
                data = deserializer.Deserialize(Payload);
            }
            catch (Exception e)
            {
                headers ??= new NatsHeaders();
                headers.Error = new NatsDeserializeException(Payload.ToArray(), e);
            }
        }

        return new NatsMsg<T>(Subject, ReplyTo, size, headers, data, connection, flags);
    }

    /// <summary>The headers; their error says what could not be read.</summary>
    public NatsHeaders ParseHeaders(Encoding encoding)
    {
        var headers = new NatsHeaders();
        try
        {
            HeaderFormat.Parse(Contiguous(Headers), headers, encoding);
        }
        catch (NatsException e)
        {
            headers.Error = new NatsHeaderParseException(Headers.ToArray(), e);
        }

        return headers;
    }

    private static ReadOnlySpan<byte> Contiguous(in ReadOnlySequence<byte> bytes) =>
        bytes.IsSingleSegment ? bytes.FirstSpan : bytes.ToArray();
}
