using System.ComponentModel.DataAnnotations;

namespace EventShop.ServiceDefaults;

/// <summary>Configuration section "Telemetry".</summary>
internal sealed class TelemetryOptions : IValidatableObject
{
    public const string Section = "Telemetry";

    /// <summary>
    /// Which part of the traces that begin here is recorded, 0 to 1. A caller's decision is followed. The standard variables
    /// OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say the same and win.
    /// </summary>
    [Range(0.0, 1.0)]
    public double SamplingRatio { get; set; } = 1;

    /// <summary>Whether database commands are spans too: exact, but several more per order.</summary>
    public bool DatabaseSpans { get; set; }

    /// <summary>
    /// Callers whose <c>baggage</c> and <c>tracestate</c> are taken over: addresses and networks, separated by commas
    /// (<c>10.0.0.7, 10.1.0.0/16</c>). Empty: nobody's.
    /// </summary>
    public string TrustedCallers { get; set; } = "";

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
        => TrustedNetworks.Read(TrustedCallers).Errors.Select(error => new ValidationResult(error, [nameof(TrustedCallers)]));
}
