using EventShop.Messaging;
using EventShop.ServiceDefaults.Health;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;

namespace EventShop.ServiceDefaults;

/// <summary>A full queue or a database that does not answer is no defect: 503, and when to come again.</summary>
internal sealed class UnavailableDependency(IProblemDetailsService problems, RefusedRequests refused) : IExceptionHandler
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
        {
            return false;
        }

        if (exception is not OverloadedException)
        {
            refused.Note(exception.GetBaseException().Message);
        }

        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString();
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
