using System.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace EventShop.Messaging;

/// <summary>Has events published promptly after their commit. Without it the sweep publishes them, a little later.</summary>
internal sealed class OutboxInterceptor(Outbox outbox) : SaveChangesInterceptor
{
    private const string Notify = $"notify {OutboxRelay.Notification}";

    public override InterceptionResult<int> SavingChanges(DbContextEventData eventData, InterceptionResult<int> result)
    {
        if (eventData.Context is { } context && NotifiesAtCommit(context))
            context.Database.ExecuteSqlRaw(Notify);
        return result;
    }

    public override async ValueTask<InterceptionResult<int>> SavingChangesAsync(
        DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is { } context && NotifiesAtCommit(context))
            await context.Database.ExecuteSqlRawAsync(Notify, cancellationToken);
        return result;
    }

    public override int SavedChanges(SaveChangesCompletedEventData eventData, int result)
    {
        Wake(eventData.Context);
        return result;
    }

    public override ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        Wake(eventData.Context);
        return new(result);
    }

    /// <summary>Whether there are events to store in a transaction whose end is not EF's: PostgreSQL delivers a notification at its commit.</summary>
    /// <exception cref="InvalidOperationException">There are, and nothing would store them together with the entities.</exception>
    private static bool NotifiesAtCommit(DbContext context)
    {
        if (!Has(context, EntityState.Added))
            return false;
        if (IsInTransaction(context))
            return true;
        if (context.Database.AutoTransactionBehavior is AutoTransactionBehavior.Never)
            throw new InvalidOperationException(
                $"Events are stored together with the entities they tell of, and {context.GetType().Name} has AutoTransactionBehavior.Never: "
                + "begin a transaction with context.Database.BeginTransactionAsync, or leave the setting out.");
        return false;
    }

    /// <summary>At the end of <c>SaveChanges</c> its own transaction has committed.</summary>
    private void Wake(DbContext? context)
    {
        if (context is not null && !IsInTransaction(context) && Has(context, EntityState.Unchanged, EntityState.Added))
            outbox.Wake();
    }

    private static bool IsInTransaction(DbContext context) =>
        context.Database.CurrentTransaction is not null || Transaction.Current is not null || context.Database.GetEnlistedTransaction() is not null;

    private static bool Has(DbContext context, params ReadOnlySpan<EntityState> states)
    {
        // SaveChanges detects changes itself; events do not change.
        var detects = context.ChangeTracker.AutoDetectChangesEnabled;
        context.ChangeTracker.AutoDetectChangesEnabled = false;
        try
        {
            foreach (var unsent in context.ChangeTracker.Entries<UnsentEvent>())
                if (states.Contains(unsent.State))
                    return true;
            return false;
        }
        finally
        {
            context.ChangeTracker.AutoDetectChangesEnabled = detects;
        }
    }
}
