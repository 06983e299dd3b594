using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace OpenTelemetry.Instrumentation.AspNetCore;

/// <summary>What is recorded of an incoming request. Called only for sampled requests; an error in a callback is ignored.</summary>
public class AspNetCoreTraceInstrumentationOptions
{
    /// <summary>False: the request, and what it calls, is not traced. Default: all are.</summary>
    public Func<HttpContext, bool>? Filter { get; set; }

    /// <summary>Called when the request starts.</summary>
    public Action<Activity, HttpRequest>? EnrichWithHttpRequest { get; set; }

    /// <summary>Called when the response has been written.</summary>
    public Action<Activity, HttpResponse>? EnrichWithHttpResponse { get; set; }

    /// <summary>Called for an exception that no middleware handled.</summary>
    public Action<Activity, Exception>? EnrichWithException { get; set; }

    /// <summary>Whether an unhandled exception is added to the span as an event. Default false.</summary>
    public bool RecordException { get; set; }
}
