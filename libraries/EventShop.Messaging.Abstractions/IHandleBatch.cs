namespace EventShop.Messaging;

/// <summary>
/// Handles one type of event, several at one time: those that the consumer's workers have in hand together. Delivery is at least once: each event's
/// effect must be applied once however often it is in a batch.
/// </summary>
/// <remarks>
/// Each message is acknowledged, retried or given up by itself. Return normally to acknowledge all but those that were failed
/// (<see cref="BatchItem{TEvent}.Fail"/>). Throw, and each of them is handled once more, alone in its batch: so the one whose fault it is is found. A batch
/// that takes longer than HandlerTimeout is a failed attempt of each of them; they come again after different pauses, and in other company.
/// </remarks>
public interface IHandleBatch<TEvent>
{
    /// <param name="batch">One event or more, in the order in which the broker delivered them.</param>
    /// <param name="cancellationToken">Cancelled when one of them has taken too long, or the service stops.</param>
    Task HandleAsync(IReadOnlyList<BatchItem<TEvent>> batch, CancellationToken cancellationToken);
}

/// <summary>One event of a batch.</summary>
/// <param name="message">The event.</param>
/// <param name="context">What is known of it besides its body.</param>
public sealed class BatchItem<TEvent>(TEvent message, MessageContext context)
{
    /// <summary>The event.</summary>
    public TEvent Message { get; } = message;

    /// <summary>What is known of it besides its body.</summary>
    public MessageContext Context { get; } = context;

    /// <summary>Why it failed; null when it did not.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>This event alone has failed: what becomes of it is what becomes of a message whose handler throws this.</summary>
    public void Fail(Exception reason) => Failure = reason;
}
