using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>The inbox in a transaction of a <see cref="DbContext"/>.</summary>
public static class InboxExtensions
{
    /// <summary>Records the event in the context's current transaction, which is the transaction of its effect.</summary>
    /// <param name="inbox">The service's inbox.</param>
    /// <param name="context">The context; it has a transaction of <c>context.Database.BeginTransactionAsync</c>.</param>
    /// <param name="message">The event, as its handler got it.</param>
    /// <param name="cancellationToken">The handler's.</param>
    /// <returns>False when this consumer has applied it before: leave the effect out.</returns>
    /// <exception cref="InvalidOperationException">The context has no current transaction.</exception>
    public static Task<bool> TryRecordAsync(this Inbox inbox, DbContext context, MessageContext message, CancellationToken cancellationToken) =>
        inbox.TryRecordAsync(
            context.Database.CurrentTransaction?.GetDbTransaction() as NpgsqlTransaction ?? throw new InvalidOperationException(
                $"{context.GetType().Name} has no current transaction, and the inbox records an event in the transaction of its effect: "
                + "call context.Database.BeginTransactionAsync first, and commit after SaveChangesAsync."),
            message, cancellationToken);
}
