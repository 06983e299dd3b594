using EventShop.Hosting;
using Microsoft.AspNetCore.Builder;

namespace Microsoft.Extensions.Hosting;

/// <summary>Runs a service of the shop, or a command of it.</summary>
public static class WebServiceHost
{
    /// <summary>
    /// What <see cref="ServiceHost.RunAsync"/> does; and with the argument <c>health</c> asks the service that runs beside it
    /// (<see cref="HealthCommand"/>), without building another.
    /// </summary>
    public static Task<int> RunAsync(string[] args, Func<WebApplication> build) => args is [HealthCommand.Word, .. var path]
        ? ServiceHost.ExplainAsync(() => HealthCommand.RunAsync(path))
        : ServiceHost.RunAsync(args, build);
}
