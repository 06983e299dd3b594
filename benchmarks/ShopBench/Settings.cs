namespace ShopBench;

/// <summary>How long each measurement takes, and how much it handles.</summary>
/// <param name="LogSegments">Segments of write-ahead log that are there before it begins: more than it writes.</param>
internal sealed record Settings(
    TimeSpan WarmUp, TimeSpan Intake, TimeSpan Paying, TimeSpan Latency, int RelayEvents, int StoredBefore, int StoredAfter, TimeSpan Outage, TimeSpan AfterOutage,
    TimeSpan TelemetryTurn, int TelemetryTurns, TimeSpan Idle, int LogSegments)
{
    public static Settings Full { get; } = new(
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(15), 200_000, 10_000, 1_000_000, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(60),
        TimeSpan.FromSeconds(2), 15, TimeSpan.FromSeconds(30), 100);

    /// <summary>The same measurements in less than two minutes: for comparing two builds, not for quoting.</summary>
    public static Settings Quick { get; } = new(
        TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3), 40_000, 10_000, 50_000, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(15),
        TimeSpan.FromSeconds(2), 5, TimeSpan.FromSeconds(5), 30);

    public static double[] Rates => [200, 1000, 2000];
}
