using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.Extensions.Http.Resilience;

/// <summary>A standard pipeline that has been added to a client.</summary>
public interface IHttpStandardResiliencePipelineBuilder
{
    /// <summary>"{client}-standard": the name of its options.</summary>
    string PipelineName { get; }

    /// <summary>The application's services.</summary>
    IServiceCollection Services { get; }
}
