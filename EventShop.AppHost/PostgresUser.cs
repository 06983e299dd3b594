namespace EventShop.AppHost;

/// <summary>PostgreSQL refuses to run as root, rightly: root's AppHost runs it as the system's user "postgres".</summary>
internal static class PostgresUser
{
    public const string Name = "postgres";

    public static bool IsNeeded => Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();

    /// <summary>What to put before a command line so that it runs as that user; nothing if we are not root.</summary>
    public static string[] Prefix { get; } = !IsNeeded ? []
        : LocalPrograms.FindOnPath("setpriv") is { } setpriv
            ? [setpriv, $"--reuid={Name}", $"--regid={Name}", "--init-groups", "--"]
            : [LocalPrograms.FindOnPath("runuser") ?? "runuser", "-u", Name, "--"];

    public static string? Problem() => !IsNeeded || Can("true")
        ? null
        : $"PostgreSQL does not run as root, and there is no user '{Name}' to run it as: create one, or start the AppHost as another user.";

    public static bool CanEnter(string folder) => !IsNeeded || Can("test", "-x", folder);

    private static bool Can(params string[] command) =>
        LocalPrograms.RunAsync([.. Prefix, .. command], CancellationToken.None).GetAwaiter().GetResult().Ok;
}
