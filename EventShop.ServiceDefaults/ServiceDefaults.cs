using EventShop.Hosting;
using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.Extensions.Hosting;

/// <summary>What every service of the shop has in common, one extension method per concern.</summary>
public static class ServiceDefaults
{
    /// <summary>Telemetry, health checks, HTTP clients, problem details, console logs, server limits, a prompt stop.</summary>
    /// <remarks>Telemetry comes first: its middleware has to be the outermost one.</remarks>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        builder.AddTelemetry();
        builder.AddCallersContext();
        builder.AddHealth();
        builder.AddHttpClients();
        builder.AddProblems();
        builder.AddStrictJson();
        builder.AddConsoleLogs();
        builder.AddServerLimits();
        builder.AddShutdown();
        builder.Services.AddSingleton<IServiceCommand, HealthCommand>();
        return builder;
    }

    /// <summary>
    /// Errors as problem details, and <c>/alive</c>, <c>/ready</c>, <c>/health</c>, <c>/metrics</c>. Call it before adding middleware of
    /// your own. Mapped in every environment, unlike in Aspire's template: containers are probed and scraped in production;
    /// keep the paths off the public ingress.
    /// </summary>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        app.UseProblems();
        app.UseCallersContext();
        app.UseReadableHeaders();
        app.UseRoutingWithHead();
        app.UseReadableBodies();
        app.UseServerLimits();
        app.MapHealth();
        app.MapPrometheusScrapingEndpoint().DisableHttpMetrics();
        return app;
    }
}
