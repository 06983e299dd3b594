using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace OpenTelemetry.Instrumentation.AspNetCore;

/// <summary>What HTTP's semantic conventions say of a request. Query values are redacted, names stay.</summary>
internal static class RequestAttributes
{
    private const string UnknownMethod = "_OTHER";

    public static void Set(Activity activity, HttpRequest request)
    {
        var method = KnownMethod(request.Method);
        activity.DisplayName = SpanPrefix(request.Method);
        activity.SetTag("http.request.method", method);
        if (method != request.Method)
        {
            activity.SetTag("http.request.method_original", request.Method);
        }

        if (request.Host.HasValue)
        {
            activity.SetTag("server.address", request.Host.Host);
            if (request.Host.Port is { } port)
            {
                activity.SetTag("server.port", port);
            }
        }

        if (request.Headers.UserAgent is [{ Length: > 0 } userAgent, ..])
        {
            activity.SetTag("user_agent.original", userAgent);
        }

        activity.SetTag("url.scheme", request.Scheme);
        activity.SetTag("url.path", request.PathBase.HasValue || request.Path.HasValue ? (request.PathBase + request.Path).ToString() : "/");
        if (request.QueryString.HasValue)
        {
            activity.SetTag("url.query", Redact(request.QueryString.Value!));
        }

        activity.SetTag("network.protocol.version", Version(request.Protocol));
    }

    /// <summary>A span's name before its route is known: the method, or "HTTP" when that is not a known one.</summary>
    public static string SpanPrefix(string method) => KnownMethod(method) is var known && known == UnknownMethod ? "HTTP" : known;

    private static string KnownMethod(string method) => method.ToUpperInvariant() switch
    {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "TRACE" => "TRACE",
        "PATCH" => "PATCH",
        "CONNECT" => "CONNECT",
        "QUERY" => "QUERY",
        _ => UnknownMethod,
    };

    private static string Version(string protocol) => protocol switch
    {
        "HTTP/1.0" => "1.0",
        "HTTP/1.1" => "1.1",
        "HTTP/2" => "2",
        "HTTP/3" => "3",
        _ => protocol,
    };

    private static string Redact(string query)
    {
        var pairs = query.TrimStart('?').Split('&');
        for (var i = 0; i < pairs.Length; i++)
        {
            var separator = pairs[i].IndexOf('=');
            if (separator >= 0)
            {
                pairs[i] = $"{pairs[i].AsSpan(0, separator)}=Redacted";
            }
        }

        return "?" + string.Join('&', pairs);
    }
}
