using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>Adjusts a standard pipeline that has been added.</summary>
public static class HttpStandardResiliencePipelineBuilderExtensions
{
    /// <summary>A pipeline, and so a breaker and a rate limiter, for each scheme, host and port.</summary>
    public static IHttpStandardResiliencePipelineBuilder SelectPipelineByAuthority(this IHttpStandardResiliencePipelineBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);

        builder.Services.Configure<StandardPipelines.Selection>(builder.PipelineName, selection => selection.ByAuthority = true);
        return builder;
    }
}
