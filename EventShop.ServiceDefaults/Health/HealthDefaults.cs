using EventShop.ServiceDefaults.Health;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

internal static class HealthDefaults
{
    private const string Live = "live";

    public static void AddHealth(this IHostApplicationBuilder builder)
    {
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
        app.MapHealthChecks("/health", Options(_ => true)).DisableHttpMetrics();
        app.MapHealthChecks("/alive", Options(check => check.Tags.Contains(Live))).DisableHttpMetrics();
    }

    private static HealthCheckOptions Options(Func<HealthCheckRegistration, bool> checks)
        => new() { Predicate = checks, ResponseWriter = HealthBody.Write };
}
