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

    public static void AddHealth(this IHostApplicationBuilder builder)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<HealthLog>();
        builder.Logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks.DefaultHealthCheckService", LogLevel.None);
        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), [Live]);
        builder.Services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var check in options.Registrations)
            {
                TimeLimitedCheck.Apply(check);
            }
        });
    }

    /// <summary><c>/health</c>: may requests be sent here (all checks). <c>/alive</c>: or is a restart needed (tag "live").</summary>
    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/health", Options(_ => true, LogAndWrite)).DisableHttpMetrics();
        app.MapHealthChecks("/alive", Options(check => check.Tags.Contains(Live), HealthBody.Write)).DisableHttpMetrics();
    }

    private static HealthCheckOptions Options(Func<HealthCheckRegistration, bool> checks, Func<HttpContext, HealthReport, Task> write)
        => new() { Predicate = checks, ResponseWriter = write };

    private static Task LogAndWrite(HttpContext context, HealthReport report)
    {
        context.RequestServices.GetRequiredService<HealthLog>().Note(report);
        return HealthBody.Write(context, report);
    }
}
