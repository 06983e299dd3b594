using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>One message in this process's hands, from its receipt until it is settled.</summary>
internal sealed class Delivery(INatsJSMsg<byte[]> message, long receivedAt)
{
    public INatsJSMsg<byte[]> Message { get; } = message;

    public NatsJSMsgMetadata Metadata { get; } = message.Metadata ?? throw new NatsJSException("A JetStream message without an ack subject");

    /// <summary>When the broker last heard of it, as a timestamp of the <see cref="TimeProvider"/>.</summary>
    public long RenewedAt { get; set; } = receivedAt;

    /// <summary>1 at the first delivery.</summary>
    public int Attempt => (int)Metadata.NumDelivered;

    public ulong Sequence => Metadata.Sequence.Stream;
}
