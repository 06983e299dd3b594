using EventShop.ServiceDefaults.Health;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EventShop.ServiceDefaults;

internal static class HealthDefaults
{
    private const string Live = "live";
    private const string Ready = "ready";

    /// <summary>How often everything is checked whether anybody asks or not: for the log, the metric, and to know since when something is wrong.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    public static void AddHealth(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<HealthLog>();
        builder.Services.AddSingleton<IHealthCheckPublisher>(services => services.GetRequiredService<HealthLog>());
        builder.Services.Configure<HealthCheckPublisherOptions>(options => options.Period = Period);
        builder.Services.AddSingleton<RefusedRequests>();
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks.DefaultHealthCheckService", LogLevel.None);
        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), [Live, Ready])
            .AddCheck<RefusedRequests>("requests");
        builder.Services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations)
            {
                TimeLimitedCheck.Apply(check);
            }
        });
    }

    /// <summary>
    /// <c>/alive</c>: does the process work, or is a restart needed (checks tagged "live"). <c>/ready</c>: may requests be sent here (tagged
    /// "ready"). <c>/health</c>: does everything get through (all checks), for people and alerts.
    /// </summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/health", Options(_ => true, LogAndWrite)).DisableHttpMetrics();
        app.MapHealthChecks("/ready", Options(check => check.Tags.Contains(Ready), Write)).DisableHttpMetrics();
        app.MapHealthChecks("/alive", Options(check => check.Tags.Contains(Live), Write)).DisableHttpMetrics();
    }

    private static HealthCheckOptions Options(Func<HealthCheckRegistration, bool> checks, Func<HttpContext, HealthReport, Task> write)
        => new() { Predicate = checks, ResponseWriter = write };

    private static Task LogAndWrite(HttpContext context, HealthReport report)
    {
        context.RequestServices.GetRequiredService<HealthLog>().Note(report);
        return Write(context, report);
    }

    private static Task Write(HttpContext context, HealthReport report)
        => HealthBody.Write(context, report, context.RequestServices.GetRequiredService<HealthLog>());
}
