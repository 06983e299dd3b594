namespace NATS.Client.JetStream;

/// <summary>Something a consume or a fetch met on its way.</summary>
public interface INatsJSNotification
{
    /// <summary>What, in words.</summary>
    string Name { get; }
}

/// <summary>The server's heartbeats stayed away.</summary>
public record NatsJSTimeoutNotification : INatsJSNotification
{
    /// <summary>One instance.</summary>
    public static readonly NatsJSTimeoutNotification Default = new();

    /// <inheritdoc/>
    public string Name => "Timeout";
}

/// <summary>No server answers for the consumer at the moment.</summary>
public record NatsJSNoRespondersNotification : INatsJSNotification
{
    /// <summary>One instance.</summary>
    public static readonly NatsJSNoRespondersNotification Default = new();

    /// <inheritdoc/>
    public string Name => "No Responders";
}

/// <summary>Another server took over the consumer.</summary>
public record NatsJSLeadershipChangeNotification : INatsJSNotification
{
    /// <summary>One instance.</summary>
    public static readonly NatsJSLeadershipChangeNotification Default = new();

    /// <inheritdoc/>
    public string Name => "Leadership Change";
}

/// <summary>The next message is larger than the bytes requested.</summary>
public record NatsJSMessageSizeExceedsMaxBytesNotification : INatsJSNotification
{
    /// <summary>One instance.</summary>
    public static readonly NatsJSMessageSizeExceedsMaxBytesNotification Default = new();

    /// <inheritdoc/>
    public string Name => "Message Size Exceeds MaxBytes";
}

/// <summary>Any other status.</summary>
public record NatsJSProtocolNotification(string Name, int HeaderCode, string HeaderMessageText) : INatsJSNotification;
