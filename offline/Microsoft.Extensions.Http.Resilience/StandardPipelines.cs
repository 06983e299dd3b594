using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Polly;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>One pipeline per name for the whole application: the breaker has to see all of a client's requests.</summary>
internal sealed class StandardPipelines(IOptionsMonitor<HttpStandardResilienceOptions> options)
{
    private readonly ConcurrentDictionary<string, Lazy<ResiliencePipeline<HttpResponseMessage>>> pipelines = new();

    public ResiliencePipeline<HttpResponseMessage> Get(string name)
        => pipelines.GetOrAdd(name, _ => new(() => Build(options.Get(name)))).Value;

    private static ResiliencePipeline<HttpResponseMessage> Build(HttpStandardResilienceOptions options)
        => new ResiliencePipelineBuilder<HttpResponseMessage>()
            .AddStrategy(_ => new ConcurrencyLimit(), new ConcurrencyLimit.Options { Name = "Standard-RateLimiter" })
            .AddTimeout(options.TotalRequestTimeout)
            .AddRetry(options.Retry)
            .AddCircuitBreaker(options.CircuitBreaker)
            .AddTimeout(options.AttemptTimeout)
            .Build();
}
