using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace ShopBench;

/// <summary>Runs <c>wrk</c>: as many requests as the server answers, closed loop.</summary>
internal static partial class Wrk
{
    /// <returns>Orders per second that were answered 201.</returns>
    /// <exception cref="InvalidOperationException">wrk failed, or requests were refused: the figure would mean nothing.</exception>
    public static async Task<double> RunAsync(Target target, int connections, TimeSpan duration)
    {
        var script = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(script, $"""
                wrk.method = "POST"
                wrk.headers["Content-Type"] = "application/json"
                wrk.body = '{target.Body}'
                """);
            using var process = Process.Start(new ProcessStartInfo(
                "wrk", ["-t1", $"-c{connections}", $"-d{(int)duration.TotalSeconds}s", "--timeout", "10s", "-s", script, target.Orders.ToString()])
            {
                RedirectStandardOutput = true,
            })!;
            var output = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode != 0 || Refused().IsMatch(output) || !Rate().IsMatch(output))
                throw new InvalidOperationException($"wrk at {connections} connections:\n{output}");
            return double.Parse(Rate().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        }
        finally
        {
            File.Delete(script);
        }
    }

    [GeneratedRegex(@"Requests/sec:\s+([0-9.]+)")]
    private static partial Regex Rate();

    [GeneratedRegex(@"Non-2xx|Socket errors: connect [1-9]|timeout [1-9]")]
    private static partial Regex Refused();
}
