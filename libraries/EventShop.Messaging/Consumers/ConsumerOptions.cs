using System.ComponentModel.DataAnnotations;

namespace EventShop.Messaging;

/// <summary>Configuration section <c>Messaging:Consumers:{durable name}</c>.</summary>
public sealed class ConsumerOptions : IValidatableObject
{
    private static readonly TimeSpan DefaultHandlerTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Messages handled at one time, by this process.</summary>
    [Range(1, 1024)]
    public int Workers { get; set; } = 32;

    /// <summary>Messages this process may hold, handled or waiting. Null: twice <see cref="Workers"/>, which is also the most.</summary>
    [Range(1, 2048)]
    public int? Prefetch { get; set; }

    /// <summary>Messages all processes together may hold; a property of the durable consumer on the server.</summary>
    [Range(1, 100_000)]
    public int MaxAckPending { get; set; } = 1024;

    /// <summary>
    /// How long the broker waits for a sign of life before it delivers a message again. Held messages are renewed every third
    /// of it, so it bounds the recovery from a crash, not the time a handler may take.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:03", "00:10:00")]
    public TimeSpan AckWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one attempt may take before it is cut off and counts as failed.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "01:00:00")]
    public TimeSpan HandlerTimeout { get; set; } = DefaultHandlerTimeout;

    /// <summary>Attempts before a message that keeps failing goes to the dead letters.</summary>
    [Range(1, 1000)]
    public int MaxAttempts { get; set; } = 8;

    /// <summary>The pause before the second attempt. It doubles with each, up to <see cref="MaxRetryDelay"/>, with jitter.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:05:00")]
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest pause between attempts. Delayed messages count against <see cref="MaxAckPending"/>: keep it short.</summary>
    [Range(typeof(TimeSpan), "00:00:00.010", "00:05:00")]
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one pull waits at the broker. A stopping consumer ends its pull.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:30")]
    public TimeSpan PullExpiry { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a stopping consumer waits for handlers while some of them finish, before it cuts off the others and hands their messages back.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// How long a stopping consumer waits while no handler finishes. Then what they wait for (a database, a gateway) is treated as away: a
    /// dependency that is away must not hold the stop up.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan StallTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// A first delivery within this time of its event is part of the trace that raised it. A later one is a replay or a backlog, not
    /// a step of that request, and begins a trace of its own, linked to it.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan SameTraceWithin { get; set; } = TimeSpan.FromMinutes(1);

    internal int EffectivePrefetch => Prefetch ?? 2 * Workers;

    /// <summary>For how long messages may be held without one of them coming to an end.</summary>
    internal TimeSpan StandstillLimit => (HandlerTimeout > DefaultHandlerTimeout ? HandlerTimeout : DefaultHandlerTimeout) + TimeSpan.FromSeconds(30);

    /// <summary>
    /// Attempts that may end with the process before the message is given up. More than those that fail: a process takes messages with it that
    /// have nothing to do with its end.
    /// </summary>
    internal int MaxCrashes => MaxAttempts * 2 + 8;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Prefetch > 2 * Workers)
            yield return new($"must be at most twice Workers ({2 * Workers}): what waits longer than it takes to handle is redelivered",
                [nameof(Prefetch)]);
        if (MaxAckPending < EffectivePrefetch)
            yield return new($"must be at least Prefetch ({EffectivePrefetch}), for every replica", [nameof(MaxAckPending)]);
        if (MaxRetryDelay < RetryDelay)
            yield return new($"must be at least RetryDelay ({RetryDelay})", [nameof(MaxRetryDelay)]);
    }
}
