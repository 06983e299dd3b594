using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Hosting;

namespace EventShop.ServiceDefaults;

/// <summary>A request whose body is not there yet when the service stops is no defect: 503, and the client asks the next replica.</summary>
internal sealed class CutOffRequest(IProblemDetailsService problems, IHostApplicationLifetime lifetime) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not OperationCanceledException || !lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return false;
        }

        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "1";
        await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = new ProblemDetails { Status = context.Response.StatusCode, Detail = "The service is stopping. Send the request again." },
        });
        await context.Response.CompleteAsync();
        // The server would wait for the rest of the body.
        context.Abort();
        return true;
    }
}
