using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Options;

namespace OpenTelemetry.Instrumentation.AspNetCore;

/// <summary>Puts the tracing in front of the application's own middleware, where the final status code is known.</summary>
internal sealed class OutermostMiddleware(IOptions<AspNetCoreTraceInstrumentationOptions> options) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        var tracing = new ServerSpans(options.Value);
        app.Use(following => context => tracing.Invoke(context, following));
        next(app);
    };
}
