using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace EventShop.ServiceDefaults;

/// <summary>Refuses what cannot be read before anybody tries, with an answer that says what can.</summary>
internal static class ReadableRequests
{
    private const string Utf8 = "utf-8";
    private const char Unreadable = '\uFFFD';

    /// <summary>
    /// The server alone answers a header that is not UTF-8 with a 400 without a word. With this encoding it replaces what it cannot read, and
    /// <see cref="UseReadableHeaders"/> names the header.
    /// </summary>
    public static void ReplaceUnreadable(this KestrelServerOptions server) => server.RequestHeaderEncodingSelector = _ => Encoding.UTF8;

    public static void UseReadableHeaders(this WebApplication app) => app.Use((context, next) =>
    {
        foreach (var (name, values) in context.Request.Headers)
        {
            foreach (var value in values)
            {
                if (value?.Contains(Unreadable) is true)
                {
                    return RefuseAsync(context, name);
                }
            }
        }

        return next(context);
    });

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

    private static async Task RefuseAsync(HttpContext context, string header)
    {
        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        await context.RequestServices.GetRequiredService<IProblemDetailsService>().TryWriteAsync(new ProblemDetailsContext
        {
            HttpContext = context,
            ProblemDetails = new HttpValidationProblemDetails(new Dictionary<string, string[]> { [header] = ["is not UTF-8"] }) { Status = StatusCodes.Status400BadRequest },
        });
    }
}
