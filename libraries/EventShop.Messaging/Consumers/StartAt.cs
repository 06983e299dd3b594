namespace EventShop.Messaging;

/// <summary>
/// Where a new consumer begins. It counts once, when the consumer is first made: from then on the broker knows how far it is. Where that has been
/// is remembered in the service's database, so that a broker that lost the consumer is told the same again.
/// </summary>
public readonly record struct StartAt
{
    private StartAt(DateTimeOffset? time, bool isNow) => (FixedTime, IsNow) = (time, isNow);

    /// <summary>With all messages that the stream keeps, those of last week too.</summary>
    public static StartAt Beginning { get; } = new(null, false);

    /// <summary>With what is published from now on.</summary>
    public static StartAt Now { get; } = new(null, true);

    /// <summary>With what was published at this time or later.</summary>
    public static StartAt Time(DateTimeOffset time) => new(time, false);

    internal DateTimeOffset? FixedTime { get; }

    internal bool IsNow { get; }
}
