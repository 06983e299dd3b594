using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Polly;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>
/// One pipeline per name, or per name and authority, for the whole application: the breaker has to see all of a client's requests.
/// </summary>
internal sealed class StandardPipelines(
    IOptionsMonitor<HttpStandardResilienceOptions> options,
    IOptionsMonitor<StandardPipelines.Selection> selections)
{
    private readonly ConcurrentDictionary<(string Name, string Key), Lazy<ResiliencePipeline<HttpResponseMessage>>> pipelines = new();

    public Func<HttpRequestMessage, ResiliencePipeline<HttpResponseMessage>> Selector(string name)
    {
        if (selections.Get(name).ByAuthority)
        {
            return request => Get(name, request.RequestUri?.GetLeftPart(UriPartial.Authority) ?? "");
        }

        var only = Get(name, "");
        return _ => only;
    }

    private ResiliencePipeline<HttpResponseMessage> Get(string name, string key)
        => pipelines.GetOrAdd((name, key), _ => new(() => Build(options.Get(name)))).Value;

    private static ResiliencePipeline<HttpResponseMessage> Build(HttpStandardResilienceOptions options)
        => new ResiliencePipelineBuilder<HttpResponseMessage>()
            .AddStrategy(_ => new ConcurrencyLimit(), new ConcurrencyLimit.Options { Name = "Standard-RateLimiter" })
            .AddTimeout(options.TotalRequestTimeout)
            .AddRetry(options.Retry)
            .AddCircuitBreaker(options.CircuitBreaker)
            .AddTimeout(options.AttemptTimeout)
            .Build();

    /// <summary>Named like the pipeline it belongs to.</summary>
    internal sealed class Selection
    {
        public bool ByAuthority { get; set; }
    }
}
