namespace PaymentService;

/// <summary>Everything this service logs.</summary>
internal static partial class Log
{
    [LoggerMessage(200, LogLevel.Warning, "The circuit to the payment gateway is open for {OpenTimeout}: {Reason}")]
    public static partial void CircuitOpened(this ILogger log, TimeSpan openTimeout, string reason);

    [LoggerMessage(201, LogLevel.Information, "The circuit to the payment gateway is closed again")]
    public static partial void CircuitClosed(this ILogger log);

    [LoggerMessage(202, LogLevel.Warning, "Order {OrderId} was charged after its payment had been given up: the money goes back")]
    public static partial void ChargedLate(this ILogger log, Guid orderId);

    [LoggerMessage(204, LogLevel.Debug, "The payment of order {OrderId} is {State}")]
    public static partial void PaymentSettled(this ILogger log, Guid orderId, PaymentState state);
}
