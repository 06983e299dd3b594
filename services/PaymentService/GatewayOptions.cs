using System.ComponentModel.DataAnnotations;

namespace PaymentService;

/// <summary>Configuration section <c>Gateway</c>: how the card gateway is called.</summary>
public sealed class GatewayOptions : IValidatableObject
{
    /// <summary>How long one HTTP call may take.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a charge may take with all its attempts.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:05:00")]
    public TimeSpan TotalTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Further calls with the same key when one fails or is not answered. 0: none.</summary>
    [Range(0, 10)]
    public int Retries { get; set; } = 2;

    /// <summary>The pause before the second call. It doubles with each, with jitter.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:30")]
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause between two calls, also when the gateway asks for a longer one in <c>Retry-After</c>.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "00:00:30")]
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Calls at one time. Further ones wait their turn.</summary>
    [Range(1, 10_000)]
    public int MaxConcurrentCalls { get; set; } = 128;

    /// <summary>The circuit opens with the failing call after this many failed in a row.</summary>
    [Range(0, 10_000)]
    public int ConsecutiveFailures { get; set; } = 5;

    /// <summary>Within which they must have failed.</summary>
    [Range(typeof(TimeSpan), "00:00:00.500", "00:10:00")]
    public TimeSpan SamplingInterval { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the circuit stays open before the gateway is probed.</summary>
    [Range(typeof(TimeSpan), "00:00:00.500", "00:10:00")]
    public TimeSpan OpenTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Calls that probe it, and must all succeed for the circuit to close.</summary>
    [Range(1, 100)]
    public int HalfOpenProbes { get; set; } = 1;

    /// <summary>How long after a payment was given up for never made its charge is looked for once more: longer than the gateway may
    /// take over a request.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LookAgainAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a payment may wait for the gateway before <c>/health</c> says so.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan UnhealthyAge { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>After that, nobody waits any more for a call that was stored: one may begin late by as long as it may last.</summary>
    internal TimeSpan LongestCall => 2 * AttemptTimeout;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (TotalTimeout <= AttemptTimeout)
            yield return new($"must be longer than AttemptTimeout ({AttemptTimeout})", [nameof(TotalTimeout)]);
        if (MaxRetryDelay < RetryDelay)
            yield return new($"must be at least RetryDelay ({RetryDelay})", [nameof(MaxRetryDelay)]);
    }
}
