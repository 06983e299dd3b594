using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

/// <summary>Every line the client logs.</summary>
internal static partial class Log
{
    [LoggerMessage(1001, LogLevel.Information, "Connected {Name} to {Url}")]
    public static partial void Connected(this ILogger logger, string name, ServerAddress url);

    [LoggerMessage(1002, LogLevel.Warning, "Could not connect to {Url}")]
    public static partial void ConnectFailed(this ILogger logger, Exception exception, ServerAddress url);

    [LoggerMessage(1003, LogLevel.Warning, "Connection {Name} to {Url} was lost, reconnecting")]
    public static partial void Disconnected(this ILogger logger, Exception? exception, string name, ServerAddress url);

    [LoggerMessage(1004, LogLevel.Error, "Connection {Name} has given up")]
    public static partial void GaveUp(this ILogger logger, Exception exception, string name);

    [LoggerMessage(1005, LogLevel.Error, "Received the same authentication error twice in a row ({Error}), stopping")]
    public static partial void AuthenticationStopped(this ILogger logger, string error);

    [LoggerMessage(1006, LogLevel.Warning, "Server error {Error}")]
    public static partial void ServerError(this ILogger logger, string error);

    [LoggerMessage(1007, LogLevel.Information, "The server does not answer pings, dropping the connection")]
    public static partial void PingsUnanswered(this ILogger logger);

    [LoggerMessage(1008, LogLevel.Error, "An event handler failed")]
    public static partial void EventHandlerFailed(this ILogger logger, Exception exception);

    [LoggerMessage(1009, LogLevel.Warning, "Slow consumer detected on subscription {Subject}")]
    public static partial void SlowConsumer(this ILogger logger, string subject);

    [LoggerMessage(1010, LogLevel.Error, "Error while processing a message on {Subject}")]
    public static partial void DeliveryFailed(this ILogger logger, Exception exception, string subject);

    [LoggerMessage(1011, LogLevel.Warning, "Timeout waiting for the reader of {Subject} to exit")]
    public static partial void DrainTimedOut(this ILogger logger, string subject);

    [LoggerMessage(1012, LogLevel.Debug, "Pull request on {Subject} failed")]
    public static partial void PullFailed(this ILogger logger, Exception exception, string subject);

    [LoggerMessage(1013, LogLevel.Warning, "Unhandled protocol message: {Code} {Description}")]
    public static partial void UnhandledStatus(this ILogger logger, int code, string description);

    [LoggerMessage(1014, LogLevel.Warning, "Consumer appears to be deleted after {Count} consecutive 503 errors")]
    public static partial void ConsumerGone(this ILogger logger, int count);

    [LoggerMessage(1015, LogLevel.Debug, "No responders for the publish, attempt {Attempt} of {Attempts}")]
    public static partial void PublishRetry(this ILogger logger, int attempt, int attempts);
}
