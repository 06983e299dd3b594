using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;

namespace OpenTelemetry.Instrumentation.AspNetCore;

/// <summary>
/// ASP.NET Core 10 starts an activity for every request but leaves it bare. This fills it in where it is sampled; where
/// it is not, the request passes with one look at a feature.
/// </summary>
internal sealed class ServerSpans(AspNetCoreTraceInstrumentationOptions options)
{
    public Task Invoke(HttpContext context, RequestDelegate next)
    {
        var activity = context.Features.Get<IHttpActivityFeature>()?.Activity;
        if (activity is not { IsAllDataRequested: true })
        {
            return next(context);
        }

        if (!IsWanted(context))
        {
            activity.IsAllDataRequested = false;
            activity.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            return next(context);
        }

        return Record(activity, context, next);
    }

    private async Task Record(Activity activity, HttpContext context, RequestDelegate next)
    {
        RequestAttributes.Set(activity, context.Request);
        Enrich(activity, options.EnrichWithHttpRequest, context.Request);
        try
        {
            await next(context).ConfigureAwait(false);
            Finish(activity, context, context.Response.StatusCode);
        }
        catch (Exception exception)
        {
            Fail(activity, exception);
            // The server answers 500 for it, unless the answer is already on its way.
            Finish(activity, context, context.Response.HasStarted ? context.Response.StatusCode : StatusCodes.Status500InternalServerError);
            throw;
        }
    }

    private void Finish(Activity activity, HttpContext context, int statusCode)
    {
        if (Route(context) is { } route)
        {
            activity.DisplayName = $"{RequestAttributes.SpanPrefix(context.Request.Method)} {route}";
            activity.SetTag("http.route", route);
        }

        activity.SetTag("http.response.status_code", statusCode);
        if (statusCode is >= 500 and < 600 && activity.Status == ActivityStatusCode.Unset)
        {
            activity.SetStatus(ActivityStatusCode.Error);
        }

        Enrich(activity, options.EnrichWithHttpResponse, context.Response);
    }

    private void Fail(Activity activity, Exception exception)
    {
        activity.SetTag("error.type", exception.GetType().FullName);
        if (options.RecordException)
        {
            activity.AddException(exception);
        }

        activity.SetStatus(ActivityStatusCode.Error);
        Enrich(activity, options.EnrichWithException, exception);
    }

    private bool IsWanted(HttpContext context)
    {
        try
        {
            return options.Filter?.Invoke(context) ?? true;
        }
        catch (Exception exception)
        {
            System.Diagnostics.Trace.TraceWarning("The request filter failed, the request is not traced: {0}", exception.Message);
            return false;
        }
    }

    // A callback's failure must not become the request's.
    private static void Enrich<T>(Activity activity, Action<Activity, T>? enrich, T subject)
    {
        try
        {
            enrich?.Invoke(activity, subject);
        }
        catch (Exception exception)
        {
            System.Diagnostics.Trace.TraceWarning("Enriching a server span failed: {0}", exception.Message);
        }
    }

    private static string? Route(HttpContext context)
    {
        // Middleware that runs the pipeline again (the exception handler) clears the endpoint and keeps it here.
        var endpoint = context.GetEndpoint() ?? context.Items["__OriginalEndpoint"] as Endpoint;
        var route = endpoint?.Metadata.GetMetadata<IRouteDiagnosticsMetadata>()?.Route;
        return route is "" ? "/" : route;
    }
}
