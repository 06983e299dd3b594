using System.Diagnostics;
using System.Globalization;

namespace EventShop.AppHost;

/// <summary>Finds and runs the programs of this machine.</summary>
internal static class LocalPrograms
{
    private const string DebianPostgres = "/usr/lib/postgresql";

    public const string NatsServerMissing =
        "nats-server was not found: install it (Debian, Ubuntu: apt-get install nats-server; macOS: brew install nats-server), or set NATS_SERVER to its path.";

    public const string PostgresMissing =
        "postgres and initdb were not found: install PostgreSQL (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), or set PG_BIN to the folder they are in.";

    public static string? FindNatsServer() =>
        Environment.GetEnvironmentVariable("NATS_SERVER") is { Length: > 0 } given
            ? File.Exists(given) ? Path.GetFullPath(given) : FindOnPath(given)
            : FindOnPath("nats-server");

    /// <summary>PG_BIN, else the folder on the PATH, else the newest version that Debian's packages have installed.</summary>
    public static string? FindPostgresBin()
    {
        if (Environment.GetEnvironmentVariable("PG_BIN") is { Length: > 0 } given)
            return HasPostgres(given) ? Path.GetFullPath(given) : null;
        if (Path.GetDirectoryName(FindOnPath("initdb")) is { } folder && HasPostgres(folder))
            return folder;
        return !Directory.Exists(DebianPostgres)
            ? null
            : Directory.GetDirectories(DebianPostgres)
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var version) ? version : 0)
                .Select(d => Path.Combine(d, "bin")).FirstOrDefault(HasPostgres);
    }

    public static string? FindOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <returns>Whether it ended with 0, and all it wrote.</returns>
    /// <exception cref="OperationCanceledException">Cancelled: the program has been ended, it does not go on alone.</exception>
    public static async Task<(bool Ok, string Output)> RunAsync(IReadOnlyList<string> line, CancellationToken ct)
    {
        using var process = Process.Start(new ProcessStartInfo(line[0], line.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        })!;
        try
        {
            var texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(ct), process.StandardError.ReadToEndAsync(ct));
            await process.WaitForExitAsync(ct);
            return (process.ExitCode == 0, string.Concat(texts).Trim());
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            throw;
        }
    }

    private static bool HasPostgres(string folder) =>
        File.Exists(Path.Combine(folder, "postgres")) && File.Exists(Path.Combine(folder, "initdb"));
}
