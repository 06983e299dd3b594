namespace Aspire.Hosting.Running;

internal static class Programs
{
    /// <summary>The program's full path: as given, relative to the folder, or on the PATH; null if there is none.</summary>
    public static string? Find(string program, string folder)
    {
        if (program.Contains('/', StringComparison.Ordinal) || Path.IsPathRooted(program))
            return Existing(Path.GetFullPath(program, folder));
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(p => Existing(Path.Combine(p, program))).FirstOrDefault(p => p is not null);
    }

    public static string DotNet =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? Environment.ProcessPath!
            : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static string? Existing(string path) => File.Exists(path) ? path
        : OperatingSystem.IsWindows() && File.Exists(path + ".exe") ? path + ".exe" : null;
}
