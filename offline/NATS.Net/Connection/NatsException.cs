namespace NATS.Client.Core;

/// <summary>Anything that went wrong with NATS.</summary>
public class NatsException : Exception
{
    /// <summary>With a message.</summary>
    public NatsException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and its cause.</summary>
    public NatsException(string message, Exception exception)
        : base(message, exception)
    {
    }
}

/// <summary>No reply came in time.</summary>
public sealed class NatsNoReplyException() : NatsException("No reply received");

/// <summary>Nobody listens on the subject of the request.</summary>
public sealed class NatsNoRespondersException() : NatsException("No responders");

/// <summary>The server refused the connection.</summary>
public sealed class NatsServerException(string error) : NatsException($"Server error: {error}")
{
    /// <summary>What the server said, in lower case.</summary>
    public string Error { get; } = error.ToLowerInvariant();

    /// <summary>Whether it is about credentials.</summary>
    public bool IsAuthError =>
        Error.Contains("authorization violation", StringComparison.Ordinal)
        || Error.Contains("user authentication expired", StringComparison.Ordinal)
        || Error.Contains("user authentication revoked", StringComparison.Ordinal)
        || Error.Contains("account authentication expired", StringComparison.Ordinal);
}

/// <summary>The message is larger than the server takes.</summary>
public sealed class NatsPayloadTooLargeException(string error) : NatsException(error);

/// <summary>The connection has given up for good.</summary>
public sealed class NatsConnectionFailedException(string message) : NatsException(message);

/// <summary>The server sent something that is not the protocol.</summary>
public sealed class NatsProtocolViolationException(string message) : NatsException(message);
