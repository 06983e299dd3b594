using System.Diagnostics;
using EventShop.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Context.Propagation;

namespace EventShop.ServiceDefaults;

/// <summary>
/// What a request takes over from its caller. Of anybody the trace it is part of: that is 55 characters, and does no harm. Of trusted callers
/// also <c>tracestate</c> and <c>baggage</c>: those may be of any size and content, and go wherever the request's events go.
/// </summary>
internal static class CallersContext
{
    private static readonly DistributedContextPropagator W3C = DistributedContextPropagator.CreateW3CPropagator();

    public static void AddCallersContext(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<DistributedContextPropagator>(new TraceOnly());
        // OpenTelemetry would read baggage past that propagator, and send it with every call. The runtime does both by itself.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
    }

    /// <summary>Call it when the client's address is known, before other middleware.</summary>
    public static void UseCallersContext(this WebApplication app)
    {
        var setting = app.Configuration.GetValidated<TelemetryOptions>(TelemetryOptions.Section).TrustedCallers;
        var trusted = TrustedNetworks.Read(setting).Networks;
        if (trusted.Networks.Count == 0)
        {
            return;
        }

        app.Use((context, next) =>
        {
            if (Activity.Current is { } activity && trusted.Contains(context.Connection.RemoteIpAddress))
            {
                TakeOver(activity, context.Request.Headers);
            }

            return next(context);
        });
    }

    private static void TakeOver(Activity activity, IHeaderDictionary headers)
    {
        if (activity.HasRemoteParent)
        {
            W3C.ExtractTraceIdAndState(headers, Read, out _, out var state);
            activity.TraceStateString = state;
        }

        // The last one added is the first one listed.
        foreach (var (key, value) in (W3C.ExtractBaggage(headers, Read) ?? []).Reverse())
        {
            activity.AddBaggage(key, value);
        }
    }

    private static void Read(object? carrier, string field, out string? value, out IEnumerable<string>? values)
        => (value, values) = (((IHeaderDictionary)carrier!)[field], null);

    /// <summary>Takes a well-formed <c>traceparent</c>, and nothing else.</summary>
    private sealed class TraceOnly : DistributedContextPropagator
    {
        private const int TraceParentLength = 55;

        public override IReadOnlyCollection<string> Fields => W3C.Fields;

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
            => W3C.Inject(activity, carrier, setter);

        public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState)
        {
            traceState = null;
            W3C.ExtractTraceIdAndState(carrier, getter, out traceId, out _);
            // A version to come may add to it: what is known of it comes first. What cannot be read would become the request's id as it is.
            traceId = traceId?.Length >= TraceParentLength && ActivityContext.TryParse(traceId[..TraceParentLength], null, out var caller)
                ? $"00-{caller.TraceId}-{caller.SpanId}-{(caller.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? "01" : "00")}"
                : null;
        }

        public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
    }
}
