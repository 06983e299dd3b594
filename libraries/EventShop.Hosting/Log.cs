using Microsoft.Extensions.Logging;

namespace EventShop.Hosting;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Warning, "{Loop} failed and begins again: {Reason}")]
    public static partial void LoopFailed(this ILogger log, string loop, string reason);

    [LoggerMessage(2, LogLevel.Error, "{Loop} failed unexpectedly and begins again: {Reason}")]
    public static partial void LoopFailedUnexpectedly(this ILogger log, string loop, string reason, Exception exception);

    [LoggerMessage(3, LogLevel.Information, "{Loop} works again")]
    public static partial void LoopWorksAgain(this ILogger log, string loop);
}
