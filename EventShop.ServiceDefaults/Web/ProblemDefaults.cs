using EventShop.ServiceDefaults.Health;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

/// <summary>Errors are problem documents, also to a client whose <c>Accept</c> leaves them out: it has to learn what is wrong.</summary>
public static class ProblemDefaults
{
    internal static void AddProblems(this IHostApplicationBuilder builder)
    {
        builder.Services.AddProblemDetails(options =>
            options.CustomizeProblemDetails = context => context.ProblemDetails.Detail ??= Advice(context.ProblemDetails.Status));
        builder.Services.AddExceptionHandler<AnyAccept>();
        builder.Services.AddExceptionHandler<UnreadableRequest>();
        // In every environment, not just in Development: only the exception says which member could not be read.
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
    }

    /// <summary>Errors without a body (404, 405, 408, 413, 414, 415, 431, an unhandled exception's 500) get a problem document.</summary>
    internal static void UseProblems(this WebApplication app)
    {
        app.Use(NoteRefusedAsync);
        app.UseExceptionHandler();
        app.UseStatusCodePages(page => page.HttpContext.WriteProblemAsync(new() { Status = page.HttpContext.Response.StatusCode }));
    }

    /// <summary>Answers with a problem document and its status.</summary>
    public static async Task WriteProblemAsync(this HttpContext context, ProblemDetails problem)
    {
        context.Request.Headers.Accept = default;
        context.Response.StatusCode = problem.Status ?? StatusCodes.Status500InternalServerError;
        await context.RequestServices.GetRequiredService<IProblemDetailsService>()
            .WriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = problem });
    }

    private static async Task NoteRefusedAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Response.StatusCode is StatusCodes.Status503ServiceUnavailable && context.Features.Get<IExceptionHandlerFeature>()?.Error is { } error)
        {
            context.RequestServices.GetRequiredService<RefusedRequests>().Note(error.GetBaseException().Message);
        }
    }

    private static string? Advice(int? status) => status is StatusCodes.Status413PayloadTooLarge
        ? $"The body may have at most {ServerDefaults.MaxRequestBodyBytes} bytes."
        : ReadableRequests.Advice(status);

    /// <summary>Before the handlers that write one; the exception is theirs.</summary>
    private sealed class AnyAccept : IExceptionHandler
    {
        public ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
        {
            context.Request.Headers.Accept = default;
            return ValueTask.FromResult(false);
        }
    }
}
