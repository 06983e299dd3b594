using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

internal static class ServerDefaults
{
    // Far above any order, far below what a client could use to fill the memory.
    public const int MaxRequestBodyBytes = 64 * 1024;
    private const int MaxDrainedBytes = 4 * 1024 * 1024;

    public static void AddServerLimits(this IHostApplicationBuilder builder)
    {
        builder.Services.Configure<KestrelServerOptions>(server =>
        {
            server.AddServerHeader = false;
            server.LeaveToReadableHeaders();
            server.Limits.MaxRequestBodySize = MaxRequestBodyBytes;
        });
        // A request is handled on the thread that read it, and answered on the one that finished it. What must not happen there is
        // to block, and nothing in the services does.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
    }

    /// <summary>
    /// 413 for a body that says it is too large. The server alone would close the connection while the client still sends,
    /// which then often sees a broken pipe instead of the answer; up to a few megabytes are read away instead.
    /// </summary>
    public static void UseServerLimits(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.Request.ContentLength is not > MaxRequestBodyBytes)
        {
            return next(context);
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxDrainedBytes;
        }

        context.Response.StatusCode = StatusCodes.Status413PayloadTooLarge;
        return Task.CompletedTask;
    });
}
