namespace EventShop.AppHost;

/// <summary>PostgreSQL refuses to run as root, rightly: root's AppHost runs it as the system's user "postgres" (postgres.sh).</summary>
internal static class PostgresUser
{
    public const string Name = "postgres";

    private static bool IsNeeded => Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();

    /// <exception cref="DistributedApplicationException">There is no such user, and one is needed.</exception>
    public static void Check()
    {
        if (IsNeeded && !Can("true"))
        {
            throw new DistributedApplicationException(
                $"PostgreSQL does not run as root, and there is no user '{Name}' to run it as: create one, or start the AppHost as another user.");
        }
    }

    /// <summary>Whether the user can go where the folder is, or will be made.</summary>
    public static bool CanReach(string folder)
    {
        var parent = Path.GetDirectoryName(folder) ?? folder;
        while (!Directory.Exists(parent))
        {
            parent = Path.GetDirectoryName(parent)!;
        }

        return !IsNeeded || Can("test", "-x", parent);
    }

    private static bool Can(params string[] command)
    {
        var setpriv = LocalPrograms.FindOnPath("setpriv");
        string[] prefix = setpriv is null ? ["runuser", "-u", Name, "--"] : [setpriv, $"--reuid={Name}", $"--regid={Name}", "--init-groups", "--"];
        return LocalPrograms.RunAsync([.. prefix, .. command], CancellationToken.None).GetAwaiter().GetResult().Ok;
    }
}
