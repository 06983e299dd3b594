namespace EventShop.Tests.AppHost;

/// <summary>Folders for the data of a shop under test.</summary>
internal static class DataFolders
{
    /// <summary>A folder in a temporary one that PostgreSQL's user, which is not root, can pass through.</summary>
    public static string New()
    {
        var parent = Directory.CreateTempSubdirectory("eventshop-").FullName;
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(parent, (UnixFileMode)0b111_101_101);
        }

        return Path.Combine(parent, "data");
    }

    public static void Delete(string folder) => Directory.Delete(Path.GetDirectoryName(folder)!, recursive: true);
}
