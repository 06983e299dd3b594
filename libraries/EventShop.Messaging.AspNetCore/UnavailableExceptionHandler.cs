using System.Globalization;
using EventShop.Postgres;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.Messaging;

/// <summary>A full queue or a database that does not answer is no defect: 503, and when to come again.</summary>
internal sealed class UnavailableExceptionHandler(IProblemDetailsService problems) : IExceptionHandler
{
    private const int RetryAfterSeconds = 1;

    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        var detail = exception switch
        {
            OverloadedException => "Too many requests are waiting. Nothing was stored.",
            _ when exception.IsDatabaseUnavailable() => "The database does not answer. It is not known whether the request was stored.",
            _ => null,
        };
        if (detail is null)
            return false;

        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        try
        {
            await problems.TryWriteAsync(new ProblemDetailsContext
            {
                HttpContext = context,
                Exception = exception,
                ProblemDetails = new ProblemDetails { Status = context.Response.StatusCode, Detail = detail },
            });
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there any more to be told: a service that stops cuts off what does not finish.
        }
        return true;
    }
}

/// <summary>Adds what a service with a database answers over HTTP.</summary>
public static class UnavailableExtensions
{
    /// <summary>
    /// Requests that fail because the database is unavailable, or too many writes wait for it, are answered 503 with <c>Retry-After</c>. Needs
    /// <c>AddProblemDetails</c> and <c>UseExceptionHandler</c>.
    /// </summary>
    public static IServiceCollection AddUnavailableProblems(this IServiceCollection services) => services.AddExceptionHandler<UnavailableExceptionHandler>();
}
