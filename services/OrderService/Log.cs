namespace OrderService;

/// <summary>Everything this service logs.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Warning, "{Count} orders have been pending for more than {PendingAfter} and are announced again")]
    public static partial void AnnouncedAgain(this ILogger log, int count, TimeSpan pendingAfter);

    [LoggerMessage(103, LogLevel.Warning, "{Count} orders were pending for more than {Limit} and have expired")]
    public static partial void Expired(this ILogger log, int count, TimeSpan limit);

    [LoggerMessage(106, LogLevel.Debug, "Order {OrderId} is placed")]
    public static partial void OrderPlaced(this ILogger log, Guid orderId);

    [LoggerMessage(107, LogLevel.Debug, "Order {OrderId} is {Status}")]
    public static partial void OrderMoved(this ILogger log, Guid orderId, OrderStatus status);
}
