using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>Anything that went wrong with JetStream.</summary>
public class NatsJSException : NatsException
{
    /// <summary>With a message.</summary>
    public NatsJSException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and its cause.</summary>
    public NatsJSException(string message, Exception exception)
        : base(message, exception)
    {
    }
}

/// <summary>The server ended a pull request for good.</summary>
public class NatsJSProtocolException(int headerCode, NatsHeaders.Messages headerMessage, string headerMessageText)
    : NatsJSException($"JetStream server error: {headerCode} {headerMessageText}")
{
    /// <summary>The status code.</summary>
    public int HeaderCode { get; } = headerCode;

    /// <summary>The status text, when it is well known.</summary>
    public NatsHeaders.Messages HeaderMessage { get; } = headerMessage;

    /// <summary>The status text.</summary>
    public string HeaderMessageText { get; } = headerMessageText;
}

/// <summary>The message had been stored before.</summary>
public class NatsJSDuplicateMessageException(ulong sequence) : NatsJSException($"Duplicate of {sequence}")
{
    /// <summary>The first one's sequence.</summary>
    public ulong Sequence { get; } = sequence;
}

/// <summary>The API refused.</summary>
public class NatsJSApiException(ApiError error) : NatsJSException(error.Description ?? "")
{
    /// <summary>Why.</summary>
    public ApiError Error { get; } = error;
}

/// <summary>A publish was not confirmed: no stream takes it, or the answer did not come. It may be stored or not.</summary>
public class NatsJSPublishNoResponseException() : NatsJSException("No response received from the server")
{
    /// <summary>One instance.</summary>
    public static readonly NatsJSPublishNoResponseException Default = new();
}

/// <summary>The API did not answer.</summary>
public class NatsJSApiNoResponseException : NatsJSException
{
    /// <summary>For no known reason.</summary>
    public NatsJSApiNoResponseException()
        : base("No API response received from the server")
    {
    }

    /// <summary>With the reason.</summary>
    public NatsJSApiNoResponseException(NatsSubEndReason reason)
        : base($"No API response received from the server: {reason}") => Reason = reason;

    /// <summary>The reason.</summary>
    public NatsSubEndReason Reason { get; }
}
