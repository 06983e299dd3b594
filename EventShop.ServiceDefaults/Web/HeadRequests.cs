using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace EventShop.ServiceDefaults;

internal static class HeadRequests
{
    /// <summary>
    /// Routing, with HEAD wherever there is GET: to routing it is one, to everything after it is HEAD again. The server leaves out the body.
    /// </summary>
    public static void UseRoutingWithHead(this WebApplication app)
    {
        app.Use((context, next) =>
        {
            if (HttpMethods.IsHead(context.Request.Method))
            {
                context.Features.Set(IsHead.Instance);
                context.Request.Method = HttpMethods.Get;
            }

            return next(context);
        });
        app.UseRouting();
        app.Use((context, next) =>
        {
            if (context.Features.Get<IsHead>() is not null)
            {
                context.Request.Method = HttpMethods.Head;
            }

            return next(context);
        });
    }

    private sealed class IsHead
    {
        public static readonly IsHead Instance = new();
    }
}
