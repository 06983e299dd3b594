using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace EventShop.Postgres;

/// <summary>Every name this library gives to a span, a metric or an attribute.</summary>
public static class PostgresTelemetry
{
    /// <summary>The activity source and the meter to subscribe to.</summary>
    public const string Name = "EventShop.Postgres";

    internal const string GroupName = "eventshop.group";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    // The SDK's own buckets are for milliseconds.
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    };
    private static readonly InstrumentAdvice<int> Writes = new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] };

    internal static readonly Histogram<int> GroupSize = Meter.CreateHistogram(
        "eventshop.group_commit.size", "{write}", "Writes committed in one transaction", tags: null, Writes);
    internal static readonly Histogram<double> GroupWait = Meter.CreateHistogram(
        "eventshop.group_commit.wait", "s", "Time the first write of a group waited for the group to begin", tags: null, Seconds);

    /// <summary>A write of the activity that is current, from its call until it is on disk. Null when nobody records that activity.</summary>
    internal static Activity? StartCommit(string group) => Source.StartActivity($"commit {group}", ActivityKind.Client)?
        .SetTag("db.system.name", "postgresql")
        .SetTag("db.operation.name", "commit")
        .SetTag(GroupName, group);

    /// <summary>Says that the activity failed. The exception itself is recorded once, by the activity it ends up in.</summary>
    internal static void SetFailed(this Activity? activity, Exception exception) => activity?
        .SetStatus(ActivityStatusCode.Error, exception.GetType().Name)
        .SetTag("error.type", exception.GetType().FullName);
}
