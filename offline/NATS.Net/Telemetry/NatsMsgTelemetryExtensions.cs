using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace NATS.Client.Core;

/// <summary>Spans that continue a message's trace.</summary>
public static class NatsMsgTelemetryExtensions
{
    /// <summary>Starts a span below the message's receipt; null without a listener.</summary>
    public static Activity? StartActivity<T>(
        this in NatsMsg<T> msg, [CallerMemberName] string name = "", IEnumerable<KeyValuePair<string, object?>>? tags = null) =>
        NatsTelemetry.Source.StartActivity(name, ActivityKind.Internal, msg.Headers.GetActivityContext(), tags);

    /// <summary>The context of the message's receipt; default when there was no listener.</summary>
    public static ActivityContext GetActivityContext(this NatsHeaders? headers) => headers?.Activity?.Context ?? default;
}
