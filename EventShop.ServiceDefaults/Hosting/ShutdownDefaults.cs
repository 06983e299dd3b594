using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

internal static class ShutdownDefaults
{
    /// <summary>A stop waits neither for clients nor for the host to come to the listener.</summary>
    public static void AddShutdown(this IHostApplicationBuilder builder)
    {
        builder.Services.AddHostedService<ListenerDrain>();
        builder.Services.AddExceptionHandler<CutOffRequest>();
    }
}
