namespace EventShop.Messaging;

/// <summary>Handles one type of event. Delivery is at least once: the effect must be applied once however often it is called.</summary>
/// <remarks>
/// Make the effect and its guard commit together: a conditional transition (<c>… where status = 'Pending'</c>) or a row in the
/// inbox, in one transaction. Return normally to acknowledge. Throw to have it retried;
/// throw <see cref="PoisonMessageException"/> when no retry can help, <see cref="DependencyUnavailableException"/> or
/// <see cref="NotYetException"/> when it is not the message's fault.
/// </remarks>
public interface IHandle<in TEvent>
{
    Task HandleAsync(TEvent message, MessageContext context, CancellationToken cancellationToken);
}
