namespace EventShop.Messaging;

/// <summary>What is known of a delivered event besides its body.</summary>
public sealed record MessageContext
{
    /// <summary>
    /// The event's identity, the same on every delivery, replay and redrive: its <c>id</c> where that is a UUID; otherwise the UUID that
    /// follows from its <c>source</c> and its <c>id</c>, which only together are unique.
    /// </summary>
    public required Guid EventId { get; init; }

    /// <summary>Its CloudEvents type.</summary>
    public required string Type { get; init; }

    /// <summary>Who published it, as CloudEvents' <c>source</c>: <c>/OrderService</c>.</summary>
    public required string Source { get; init; }

    /// <summary>When it happened, by its publisher's clock; when the broker stored it, where the publisher says no time.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What it is about, as CloudEvents' <c>subject</c>: for example the order's id. Null where the publisher does not say.</summary>
    public string? Key { get; init; }

    /// <summary>The durable name of the consumer that received it.</summary>
    public required string Consumer { get; init; }

    /// <summary>The NATS subject it was published on.</summary>
    public required string Subject { get; init; }

    /// <summary>The message's headers by name, as they were published; of one that is there several times, the last value.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>1 at the first attempt. A delivery that the service handed back, or held, is none.</summary>
    public required int Attempt { get; init; }
}
