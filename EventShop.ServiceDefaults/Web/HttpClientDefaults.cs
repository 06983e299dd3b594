using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Http.Resilience;

namespace EventShop.ServiceDefaults;

internal static class HttpClientDefaults
{
    /// <summary>However long a server asks for in Retry-After: a caller waits for this, and no timer takes months.</summary>
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Every client finds services by name and survives a short outage. Requests that change something get one attempt:
    /// whether to repeat those is decided where an idempotency key is at hand. Each destination has a breaker of its own: these are
    /// the defaults of all clients, telemetry's included, and one dead collector must not cut off the payment gateway.
    /// </summary>
    public static void AddHttpClients(this IHostApplicationBuilder builder)
    {
        builder.Services.AddServiceDiscovery();
        builder.Services.ConfigureHttpClientDefaults(http =>
        {
#pragma warning disable EXTEXP0001 // Experimental for its name only; the retry policy without it repeats payments.
            http.AddStandardResilienceHandler(options =>
            {
                options.Retry.DisableForUnsafeHttpMethods();
                var asked = options.Retry.DelayGenerator!;
                options.Retry.DelayGenerator = async retry => await asked(retry) is { } delay ? TimeSpan.FromTicks(Math.Min(delay.Ticks, MaxRetryDelay.Ticks)) : null;
            }).SelectPipelineByAuthority();
#pragma warning restore EXTEXP0001
            http.AddServiceDiscovery();
            // Spans tell it all; and log lines about the export of log lines never end.
            http.RemoveAllLoggers();
        });
    }
}
