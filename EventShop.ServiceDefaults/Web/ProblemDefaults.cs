using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

internal static class ProblemDefaults
{
    public static void AddProblems(this IHostApplicationBuilder builder)
    {
        builder.Services.AddProblemDetails(options =>
            options.CustomizeProblemDetails = context => context.ProblemDetails.Detail ??= Advice(context.ProblemDetails.Status));
        builder.Services.AddExceptionHandler<UnreadableRequest>();
        builder.Services.AddExceptionHandler<UnavailableDependency>();
        // In every environment, not just in Development: only the exception says which member could not be read.
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
    }

    /// <summary>Errors without a body (404, 405, 408, 413, 414, 415, 431, an unhandled exception's 500) get a problem document.</summary>
    public static void UseProblems(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
    }

    private static string? Advice(int? status) => status is StatusCodes.Status413PayloadTooLarge
        ? $"The body may have at most {ServerDefaults.MaxRequestBodyBytes} bytes."
        : ReadableRequests.Advice(status);
}
