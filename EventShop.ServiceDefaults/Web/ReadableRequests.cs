using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Net.Http.Headers;

namespace EventShop.ServiceDefaults;

/// <summary>Refuses what cannot be read before anybody tries, with an answer that says what can.</summary>
internal static class ReadableRequests
{
    // The server's defaults.
    private const int MaxTarget = 8 * 1024;
    private const int MaxHeaders = 100;
    private const int MaxHeaderLength = 32 * 1024;

    private const string Utf8 = "utf-8";
    private const char Unreadable = '\uFFFD';

    /// <summary>
    /// The server alone refuses a header that is not UTF-8, and what is too long, without a word. With these settings it replaces what it
    /// cannot read and takes up to twice as much, so that <see cref="UseReadableHeaders"/> can tell.
    /// </summary>
    public static void LeaveToReadableHeaders(this KestrelServerOptions server)
    {
        server.RequestHeaderEncodingSelector = _ => Encoding.UTF8;
        server.Limits.MaxRequestLineSize = 2 * MaxTarget;
        server.Limits.MaxRequestHeaderCount = 2 * MaxHeaders;
        server.Limits.MaxRequestHeadersTotalSize = 2 * MaxHeaderLength;
    }

    /// <summary>400 for a header that is not UTF-8, 414 for a target and 431 for headers that are too long.</summary>
    public static void UseReadableHeaders(this WebApplication app) => app.Use((context, next) =>
    {
        var headers = context.Request.Headers;
        var length = 0;
        foreach (var (name, values) in headers)
        {
            foreach (var value in values)
            {
                if (value?.Contains(Unreadable) is true)
                {
                    return context.WriteProblemAsync(
                        new HttpValidationProblemDetails(new Dictionary<string, string[]> { [name] = ["is not UTF-8"] }) { Status = StatusCodes.Status400BadRequest });
                }

                length += name.Length + (value?.Length ?? 0);
            }
        }

        if (length > MaxHeaderLength || headers.Count > MaxHeaders)
        {
            context.Response.StatusCode = StatusCodes.Status431RequestHeaderFieldsTooLarge;
            return Task.CompletedTask;
        }

        if (context.Request.Path.Value?.Length + context.Request.QueryString.Value?.Length > MaxTarget)
        {
            context.Response.StatusCode = StatusCodes.Status414UriTooLong;
            return Task.CompletedTask;
        }

        return next(context);
    });

    /// <summary>What is to be said of these statuses.</summary>
    public static string? Advice(int? status) => status switch
    {
        StatusCodes.Status408RequestTimeout => "The body came too slowly.",
        StatusCodes.Status414UriTooLong => $"Path and query may have at most {MaxTarget} characters.",
        StatusCodes.Status415UnsupportedMediaType
            => "The body must be JSON in UTF-8 and not compressed: Content-Type: application/json, no charset but utf-8, no Content-Encoding.",
        StatusCodes.Status431RequestHeaderFieldsTooLarge => $"There may be at most {MaxHeaders} headers, of {MaxHeaderLength} characters in all.",
        _ => null,
    };

    /// <summary>415 for a body in another charset than UTF-8, or compressed. The framework takes some of the former, and fails on others.</summary>
    public static void UseReadableBodies(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<IAcceptsMetadata>() is null || IsReadable(context.Request))
        {
            return next(context);
        }

        context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
        context.Response.Headers.AcceptEncoding = "identity";
        return Task.CompletedTask;
    });

    private static bool IsReadable(HttpRequest request)
    {
        if (request.Headers.ContentEncoding is { Count: > 0 } codings && !IsIdentity(codings.ToString()))
        {
            return false;
        }

        // As nearly every client sends it; and without a media type it is refused anyway.
        if (request.ContentType is null or "application/json" or "application/json; charset=utf-8"
            || !MediaTypeHeaderValue.TryParse(request.ContentType, out var type))
        {
            return true;
        }

        var charsets = type.Parameters.Where(parameter => parameter.Name.Equals("charset", StringComparison.OrdinalIgnoreCase)).ToArray();
        if (!charsets.All(charset => HeaderUtilities.UnescapeAsQuotedString(charset.Value).Equals(Utf8, StringComparison.OrdinalIgnoreCase)))
        {
            return false;
        }

        // In quotes it is legal, and the framework does not know it.
        request.ContentType = type.MediaType.ToString();
        return true;
    }

    private static bool IsIdentity(string codings)
        => codings.Split(',', StringSplitOptions.TrimEntries).All(coding => coding.Length == 0 || coding.Equals("identity", StringComparison.OrdinalIgnoreCase));
}
