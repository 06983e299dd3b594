using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace EventShop.Messaging;

/// <summary>The outbox in a <see cref="DbContext"/>.</summary>
public static class OutboxExtensions
{
    /// <summary>
    /// Makes the outbox part of the context: <see cref="Raise"/> adds events to it, and <c>SaveChanges</c> stores them together with the entities.
    /// The context must use the database of the <see cref="Outbox"/>.
    /// </summary>
    /// <param name="options">The options of the context.</param>
    /// <param name="outbox">The service's outbox: <c>services.GetRequiredService&lt;Outbox&gt;()</c>.</param>
    public static DbContextOptionsBuilder UseOutbox(this DbContextOptionsBuilder options, Outbox outbox)
    {
        ((IDbContextOptionsBuilderInfrastructure)options).AddOrUpdateExtension(new OutboxOptionsExtension(outbox.Schema));
        return options.AddInterceptors(new OutboxInterceptor(outbox));
    }

    /// <inheritdoc cref="UseOutbox(DbContextOptionsBuilder, Outbox)"/>
    public static DbContextOptionsBuilder<TContext> UseOutbox<TContext>(this DbContextOptionsBuilder<TContext> options, Outbox outbox)
        where TContext : DbContext => (DbContextOptionsBuilder<TContext>)((DbContextOptionsBuilder)options).UseOutbox(outbox);

    /// <summary>
    /// Adds events to the context, as <c>Add</c> adds entities. The next <c>SaveChanges</c> stores them. They are published promptly after its
    /// transaction has committed, and never if it does not.
    /// </summary>
    /// <param name="context">The context, whose options have <see cref="UseOutbox(DbContextOptionsBuilder, Outbox)"/>.</param>
    /// <param name="events">The events. One whose <see cref="OutboxEvent.DueAt"/> is set is published then.</param>
    /// <exception cref="InvalidOperationException">The context does not use an outbox, or has an event of the same id.</exception>
    public static void Raise(this DbContext context, params OutboxEvent[] events)
    {
        if (context.Model.FindEntityType(typeof(OutboxEvent)) is null)
            throw new InvalidOperationException(
                $"{context.GetType().Name} does not use an outbox: call options.UseOutbox(services.GetRequiredService<Outbox>()) where its options are set");
        foreach (var e in events)
        {
            // A new object each time: an event that is raised twice is refused here.
            context.Add(UnsentEvent.Of(e));
            context.Add(e).Property(OutboxModel.StoredAt).CurrentValue = e.DueAt;
        }
    }
}
