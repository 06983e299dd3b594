using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>
/// What NATS.Net logs, without each attempt to reach a broker that is away, of which it logs the stack trace several times a second: these
/// are Debug. <see cref="BrokerConnection"/> logs what an operator needs to know of them.
/// </summary>
internal sealed class NatsClientLog(ILoggerFactory factory) : ILoggerFactory
{
    private volatile string? _lastFailure;

    /// <summary>Why the last attempt to connect failed, or null when that is not known.</summary>
    public static string? LastFailure(INatsConnection connection) => (connection.Opts.LoggerFactory as NatsClientLog)?._lastFailure;

    public ILogger CreateLogger(string categoryName) => new Logger(factory.CreateLogger(categoryName), this);

    public void AddProvider(ILoggerProvider provider) => factory.AddProvider(provider);

    /// <summary>The factory is the host's, which disposes of it.</summary>
    public void Dispose()
    {
    }

    private sealed class Logger(ILogger log, NatsClientLog owner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => log.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => log.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsAboutConnecting(eventId, exception))
            {
                log.Log(logLevel, eventId, state, exception, formatter);
                return;
            }

            if (logLevel >= LogLevel.Warning)
                owner._lastFailure = exception?.GetBaseException().Message ?? formatter(state, exception);
            if (log.IsEnabled(LogLevel.Debug))
                log.Log(LogLevel.Debug, eventId, state, exception, formatter);
        }

        private static bool IsAboutConnecting(EventId eventId, Exception? exception) =>
            eventId == NatsLogEvents.Security
            || (eventId != NatsLogEvents.Subscription
                && (exception is SocketException or IOException or AuthenticationException or OperationCanceledException or TimeoutException or ObjectDisposedException
                    // Some of the client's own are not public.
                    || exception?.GetType().Assembly == typeof(NatsConnection).Assembly));
    }
}
