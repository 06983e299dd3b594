using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>One message in this process's hands, from its receipt until it is settled.</summary>
internal sealed class Delivery(INatsJSMsg<byte[]> message, long receivedAt)
{
    public INatsJSMsg<byte[]> Message { get; } = message;

    public NatsJSMsgMetadata Metadata { get; } = message.Metadata ?? throw new NatsJSException("A JetStream message without an ack subject");

    /// <summary>When it was received, as a timestamp of the <see cref="TimeProvider"/>.</summary>
    public long ReceivedAt { get; } = receivedAt;

    /// <summary>What kept it from being handled when it was last attempted; null when nothing has.</summary>
    public string? Hindrance { get; set; }

    /// <summary>When the broker last heard of it, as a timestamp of the <see cref="TimeProvider"/>.</summary>
    public long RenewedAt { get; set; } = receivedAt;

    /// <summary>How often the broker has delivered it, this time included, whatever came of it.</summary>
    public int Deliveries => (int)Metadata.NumDelivered;

    /// <summary>Attempts that failed, as far as <see cref="Attempts"/> has been asked.</summary>
    public int Failed { get; set; }

    /// <summary>Attempts since then that were begun, the present one included, and whose end nobody knows.</summary>
    public int Begun { get; set; }

    /// <summary>Whether <see cref="Attempts"/> has an entry for it.</summary>
    public bool IsCounted { get; set; }

    /// <summary>1 at the first attempt.</summary>
    public int Attempt => Failed + 1;

    public ulong Sequence => Metadata.Sequence.Stream;
}
