using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds resilience to HTTP clients.</summary>
public static class ResilienceHttpClientBuilderExtensions
{
    /// <summary>
    /// Rate limiter → total timeout → retry → circuit breaker → attempt timeout around every request of the client. The
    /// client's own timeout is switched off, the pipeline's replace it.
    /// </summary>
    public static IHttpStandardResiliencePipelineBuilder AddStandardResilienceHandler(this IHttpClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);

        var name = $"{builder.Name}-standard";
        builder.Services.TryAddSingleton<StandardPipelines>();
        builder.Services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<HttpStandardResilienceOptions>, HttpStandardResilienceOptionsValidator>());
        builder.Services.AddOptions<HttpStandardResilienceOptions>(name).ValidateOnStart();
        builder.AddHttpMessageHandler(services => new ResilienceHandler(services.GetRequiredService<StandardPipelines>().Selector(name)));
        builder.ConfigureHttpClient(client => client.Timeout = Timeout.InfiniteTimeSpan);
        return new PipelineBuilder(name, builder.Services);
    }

    /// <inheritdoc cref="AddStandardResilienceHandler(IHttpClientBuilder)" />
    public static IHttpStandardResiliencePipelineBuilder AddStandardResilienceHandler(
        this IHttpClientBuilder builder,
        Action<HttpStandardResilienceOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);

        var pipeline = builder.AddStandardResilienceHandler();
        pipeline.Services.Configure(pipeline.PipelineName, configure);
        return pipeline;
    }

    /// <summary>Takes away what has been added so far, for a client with a pipeline of its own.</summary>
    [Experimental("EXTEXP0001")]
    public static IHttpClientBuilder RemoveAllResilienceHandlers(this IHttpClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);

        return builder.ConfigureAdditionalHttpMessageHandlers((handlers, _) =>
        {
            for (var i = handlers.Count - 1; i >= 0; i--)
            {
                if (handlers[i] is ResilienceHandler)
                {
                    handlers.RemoveAt(i);
                }
            }
        });
    }

    private sealed record PipelineBuilder(string PipelineName, IServiceCollection Services) : IHttpStandardResiliencePipelineBuilder;
}
