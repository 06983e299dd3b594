using System.ComponentModel.DataAnnotations;

namespace EventShop.Messaging;

/// <summary>Configuration section <c>Messaging:Outbox</c>.</summary>
public sealed class OutboxOptions : IValidatableObject
{
    /// <summary>Publishes waiting for the broker's acknowledgement at one time.</summary>
    [Range(1, 10_000)]
    public int MaxInFlight { get; set; } = 512;

    /// <summary>Committed events held in memory for the relay. Beyond that they wait in the database for the sweep.</summary>
    [Range(1, 1_000_000)]
    public int Capacity { get; set; } = 8192;

    /// <summary>
    /// How long an event belongs to the process that committed or claimed it, before another may send it. Doubles with each
    /// attempt, up to <see cref="MaxClaim"/>.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Claim { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest pause between two attempts to send an event. Keep it below the streams' duplicate window.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan MaxClaim { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The pause before an event that the broker refuses is sent again. It doubles, up to <see cref="MaxParkedRetryDelay"/>.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan ParkedRetryDelay { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest pause between two attempts to send an event that the broker refuses.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan MaxParkedRetryDelay { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How often the sweep looks for events that were not sent right after their commit.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Events one sweep claims at a time.</summary>
    [Range(1, 10_000)]
    public int SweepBatch { get; set; } = 1000;

    /// <summary>How long sent events are kept for replay.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>The age of the oldest unsent event at which <c>/health</c> says so.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan UnhealthyAge { get; set; } = TimeSpan.FromMinutes(1);

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (MaxParkedRetryDelay < ParkedRetryDelay)
            yield return new($"must be at least ParkedRetryDelay ({ParkedRetryDelay})", [nameof(MaxParkedRetryDelay)]);
    }
}
