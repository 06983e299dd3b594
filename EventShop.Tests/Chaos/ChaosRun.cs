using System.Globalization;

namespace EventShop.Tests.Chaos;

/// <summary>What a run of these tests depends on, and what it leaves behind.</summary>
internal static class ChaosRun
{
    private static readonly Lock Gate = new();

    /// <summary>Decides all that is random. <c>CHAOS_SEED</c> repeats a run.</summary>
    public static int Seed { get; } = Number("CHAOS_SEED") ?? Random.Shared.Next(1, 1_000_000);

    /// <summary>How long the random mix goes on: <c>CHAOS_SECONDS</c>, by default what every run of the tests can afford.</summary>
    public static TimeSpan Duration { get; } = TimeSpan.FromSeconds(Number("CHAOS_SECONDS") ?? 60);

    /// <summary>Notes a measurement in the test's output and in <c>artifacts/chaos.tsv</c>: test, what, value, seed.</summary>
    public static void Note(string what, string value)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {value} (CHAOS_SEED={Seed})");
        var test = TestContext.Current.TestMethod?.MethodName ?? "";
        lock (Gate)
        {
            var artifacts = Directory.CreateDirectory(Repository.File("artifacts")).FullName;
            File.AppendAllText(Path.Combine(artifacts, "chaos.tsv"), $"{test}\t{what}\t{value}\t{Seed}\n");
        }
    }

    /// <inheritdoc cref="Note(string, string)"/>
    public static void Note(string what, TimeSpan time) =>
        Note(what, string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s"));

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
