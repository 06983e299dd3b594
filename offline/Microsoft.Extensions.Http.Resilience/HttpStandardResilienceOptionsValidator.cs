using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>Checks that the parts of a pipeline fit together; their own ranges are checked when it is built.</summary>
internal sealed class HttpStandardResilienceOptionsValidator : IValidateOptions<HttpStandardResilienceOptions>
{
    public ValidateOptionsResult Validate(string? name, HttpStandardResilienceOptions options)
    {
        var result = new ValidateOptionsResultBuilder();
        var attempt = options.AttemptTimeout.Timeout;
        if (attempt > options.TotalRequestTimeout.Timeout)
        {
            result.AddError(
                "Total request timeout resilience strategy must have a greater timeout than the attempt resilience strategy. "
                + $"Total Request Timeout: {options.TotalRequestTimeout.Timeout.TotalSeconds}s, Attempt Timeout: {attempt.TotalSeconds}s");
        }

        if (options.CircuitBreaker.SamplingDuration < 2 * attempt)
        {
            result.AddError(
                "The sampling duration of circuit breaker strategy needs to be at least double of an attempt timeout strategy's "
                + "timeout interval, in order to be effective. Sampling Duration: "
                + $"{options.CircuitBreaker.SamplingDuration.TotalSeconds}s, Attempt Timeout: {attempt.TotalSeconds}s");
        }

        return result.Build();
    }
}
