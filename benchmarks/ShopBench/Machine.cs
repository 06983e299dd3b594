using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace ShopBench;

/// <summary>What the figures were measured on.</summary>
internal static class Machine
{
    public static JsonObject Describe(Version natsServer) => new()
    {
        ["cpu"] = Line("/proc/cpuinfo", "model name"),
        ["cores"] = Environment.ProcessorCount,
        ["memory"] = Line("/proc/meminfo", "MemTotal"),
        ["os"] = RuntimeInformation.OSDescription,
        ["dotnet"] = Environment.Version.ToString(),
        ["natsServer"] = natsServer.ToString(),
        ["postgresSettings"] = string.Join(", ", BenchDatabase.Settings),
        ["loadBefore"] = File.ReadAllText("/proc/loadavg").Split(' ')[0],
        ["measuredAt"] = TimeProvider.System.GetUtcNow().ToString("u"),
    };

    public static async Task<Version> NatsServerAsync()
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("NATS_SERVER") ?? "nats-server", ["--version"])
        {
            RedirectStandardOutput = true,
        })!;
        var answer = await process.StandardOutput.ReadToEndAsync(); // nats-server: v2.10.27
        return Version.Parse(answer[(answer.LastIndexOf('v') + 1)..].Trim().Split('-')[0]);
    }

    private static string Line(string file, string name) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "";
}
