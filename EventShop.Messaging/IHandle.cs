namespace EventShop.Messaging;

/// <summary>Handles one type of event. Delivery is at least once: the effect must be applied once however often it is called.</summary>
/// <remarks>
/// Make the effect and its guard commit together: a conditional transition (<c>… where status = 'Pending'</c>) or a row in the
/// <see cref="Inbox"/>, in one transaction. Return normally to acknowledge. Throw to have it retried;
/// throw <see cref="PoisonMessageException"/> when no retry can help, <see cref="DependencyUnavailableException"/> or
/// <see cref="NotYetException"/> when it is not the message's fault.
/// </remarks>
public interface IHandle<in TEvent>
{
    Task HandleAsync(TEvent message, MessageContext context, CancellationToken cancellationToken);
}

/// <summary>What is known of a delivered event besides its body.</summary>
/// <param name="EventId">
/// The event's identity, the same on every delivery, replay and redrive: its <c>id</c> where that is a UUID; otherwise the UUID that
/// follows from its <c>source</c> and its <c>id</c>, which only together are unique.
/// </param>
/// <param name="Type">Its CloudEvents type.</param>
/// <param name="Time">When it happened, by its publisher's clock; when the broker stored it, where the publisher says no time.</param>
/// <param name="Attempt">1 at the first attempt. A delivery that the service handed back, or held, is none.</param>
/// <param name="Source">Who published it, as CloudEvents' <c>source</c>: <c>/OrderService</c>.</param>
public sealed record MessageContext(Guid EventId, string Type, DateTimeOffset Time, int Attempt, string Source);

/// <summary>No retry can help: the message goes to the dead letters at once, with this reason.</summary>
/// <param name="reason">For the operator; never holds payload or personal data.</param>
public sealed class PoisonMessageException(string reason, Exception? inner = null) : Exception(reason, inner);

/// <summary>
/// Something the handler needs (a gateway, a database) cannot be reached. The message keeps its place, is tried again here after
/// a back-off, and does not use up its attempts; consumption pauses while this goes on.
/// </summary>
public sealed class DependencyUnavailableException(string reason, Exception? inner = null) : Exception(reason, inner);

/// <summary>
/// This message has to wait for another of the same aggregate, or for time to pass. It is tried again after a pause that doubles, and does not
/// use up its attempts; others are consumed meanwhile.
/// </summary>
public sealed class NotYetException(string reason) : Exception(reason);
