using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

internal static class ServerDefaults
{
    // Far above any order, far below what a client could use to fill the memory.
    private const int MaxRequestBodyBytes = 64 * 1024;

    public static void AddServerLimits(this IHostApplicationBuilder builder)
        => builder.Services.Configure<KestrelServerOptions>(server =>
        {
            server.AddServerHeader = false;
            server.Limits.MaxRequestBodySize = MaxRequestBodyBytes;
        });
}
