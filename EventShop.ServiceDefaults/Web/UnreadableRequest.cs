using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace EventShop.ServiceDefaults;

/// <summary>
/// A request that cannot be read is the client's error: 400 (or 413, 415) naming the member, not a logged exception.
/// </summary>
internal sealed class UnreadableRequest(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not BadHttpRequestException bad)
        {
            return false;
        }

        context.Response.StatusCode = bad.StatusCode;
        return await problems.TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = bad.InnerException is JsonException json ? Member(json) : new() { Status = bad.StatusCode, Detail = bad.Message },
        });
    }

    // The exception's own text names .NET types; its path and position are what a client can use.
    private static HttpValidationProblemDetails Member(JsonException json)
    {
        var member = json.Path is null or "" or "$" ? "$" : json.Path.Replace("$.", "", StringComparison.Ordinal);
        var position = json.LineNumber is { } line ? $" (line {line + 1}, byte {json.BytePositionInLine + 1})" : "";
        return new(new Dictionary<string, string[]> { [member] = [$"is missing, malformed or of the wrong type{position}"] })
        {
            Status = StatusCodes.Status400BadRequest,
            Title = "The request body is not valid.",
        };
    }
}
