namespace OrderService;

/// <summary>Everything this service logs.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Warning, "{Count} orders have been pending for more than {PendingAfter} and are announced again")]
    public static partial void AnnouncedAgain(this ILogger log, int count, TimeSpan pendingAfter);

    [LoggerMessage(101, LogLevel.Warning, "Pending orders could not be looked for: {Reason}")]
    public static partial void ReconciliationFailed(this ILogger log, string reason);
}
