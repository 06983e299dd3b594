namespace EventShop.Messaging.Testing;

/// <summary>The working copy that a program was built in.</summary>
public static class Repository
{
    /// <summary>The nearest folder above the program that has a solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file of it.</summary>
    /// <param name="path">Relative to its root.</param>
    public static string File(string path) => Path.Combine(Root, path);

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !folder.EnumerateFiles("*.sln*").Any())
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException($"There is no solution in any folder above {AppContext.BaseDirectory}.");
    }
}
