using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;

namespace EventShop.ServiceDefaults;

/// <summary>
/// A request that cannot be read is the client's error: 400 (or 413, 415) naming the member, not a logged exception.
/// </summary>
internal sealed partial class UnreadableRequest(IProblemDetailsService problems) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not BadHttpRequestException bad)
        {
            return false;
        }

        context.Response.StatusCode = bad.StatusCode;
        return await problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = Describe(bad) });
    }

    // The exceptions' own texts name .NET types; members, parameters and positions are what a client can use.
    private static ProblemDetails Describe(BadHttpRequestException bad) => bad switch
    {
        { InnerException: JsonException json } => Invalid(Member(json), $"{Wrong(json)}{Position(json)}"),
        _ when UnboundParameter().Match(bad.Message) is { Success: true } match => Invalid(match.Groups["name"].Value, "is not valid"),
        _ when MissingBody().IsMatch(bad.Message) => Invalid("$", "a JSON body is required"),
        { StatusCode: StatusCodes.Status400BadRequest } => new ProblemDetails { Status = bad.StatusCode, Detail = "The request cannot be read." },
        _ => new ProblemDetails { Status = bad.StatusCode },
    };

    private static HttpValidationProblemDetails Invalid(string member, string error)
        => new(new Dictionary<string, string[]> { [member] = [error] }) { Status = StatusCodes.Status400BadRequest };

    private static string Wrong(JsonException json) => json.Message switch
    {
        var message when message.StartsWith("Duplicate property", StringComparison.Ordinal) => "is given twice",
        var message when message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal) => "is unknown",
        _ => "is missing, malformed or of the wrong type",
    };

    private static string Member(JsonException json)
        => json.Path is null or "" or "$" ? "$" : json.Path.Replace("$.", "", StringComparison.Ordinal);

    private static string Position(JsonException json)
        => json.LineNumber is { } line ? $" (line {line + 1}, byte {json.BytePositionInLine + 1})" : "";

    [GeneratedRegex("""^Failed to bind parameter ".* (?<name>\w+)" from """)]
    private static partial Regex UnboundParameter();

    [GeneratedRegex("no body was provided|was not provided from body")]
    private static partial Regex MissingBody();
}
