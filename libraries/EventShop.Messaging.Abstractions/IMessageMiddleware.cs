namespace EventShop.Messaging;

/// <summary>
/// Runs around the handlers of a consumer, for each message, in the scope of its handler: for a transaction, a log scope, a check. What it throws is
/// treated like what a handler throws.
/// </summary>
public interface IMessageMiddleware
{
    /// <param name="context">What is known of the message.</param>
    /// <param name="next">The next middleware, or the handler. Not called, the message is acknowledged without being handled.</param>
    /// <param name="cancellationToken">The handler's.</param>
    Task InvokeAsync(MessageContext context, Func<CancellationToken, Task> next, CancellationToken cancellationToken);
}
