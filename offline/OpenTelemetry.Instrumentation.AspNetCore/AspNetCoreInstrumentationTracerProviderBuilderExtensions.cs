using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Instrumentation.AspNetCore;

namespace OpenTelemetry.Trace;

/// <summary>Traces of incoming HTTP requests.</summary>
public static class AspNetCoreInstrumentationTracerProviderBuilderExtensions
{
    /// <inheritdoc cref="AddAspNetCoreInstrumentation(TracerProviderBuilder, Action{AspNetCoreTraceInstrumentationOptions}?)" />
    public static TracerProviderBuilder AddAspNetCoreInstrumentation(this TracerProviderBuilder builder)
        => builder.AddAspNetCoreInstrumentation(null);

    /// <summary>Server spans named "GET /orders/{id}" with HTTP's semantic-convention attributes.</summary>
    public static TracerProviderBuilder AddAspNetCoreInstrumentation(
        this TracerProviderBuilder builder,
        Action<AspNetCoreTraceInstrumentationOptions>? configureAspNetCoreTraceInstrumentationOptions)
    {
        ArgumentNullException.ThrowIfNull(builder);

        builder.ConfigureServices(services =>
        {
            services.TryAddEnumerable(ServiceDescriptor.Singleton<IStartupFilter, OutermostMiddleware>());
            if (configureAspNetCoreTraceInstrumentationOptions is not null)
            {
                services.Configure(configureAspNetCoreTraceInstrumentationOptions);
            }
        });
        return builder.AddSource("Microsoft.AspNetCore");
    }
}
