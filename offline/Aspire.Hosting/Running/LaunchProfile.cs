using System.Text.Json;

namespace Aspire.Hosting.Running;

/// <summary>One profile of a project's Properties/launchSettings.json.</summary>
internal sealed record LaunchProfile(string Name, Uri[] Urls, IReadOnlyDictionary<string, string> Environment)
{
    private static readonly JsonDocumentOptions Lenient = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
    };

    /// <summary>The profile asked for, else the preferred one if it exists, else the first that runs the project.</summary>
    public static LaunchProfile? Find(string projectPath, string? wanted, string? preferred)
    {
        var path = Path.Combine(Path.GetDirectoryName(projectPath)!, "Properties", "launchSettings.json");
        if (!File.Exists(path))
            return wanted is null ? null : throw Missing(projectPath, wanted);
        using var settings = JsonDocument.Parse(File.ReadAllText(path), Lenient);
        if (!settings.RootElement.TryGetProperty("profiles", out var profiles))
            return wanted is null ? null : throw Missing(projectPath, wanted);
        if (wanted is not null)
            return profiles.TryGetProperty(wanted, out var named) ? Read(wanted, named) : throw Missing(projectPath, wanted);
        if (preferred is not null && profiles.TryGetProperty(preferred, out var found))
            return Read(preferred, found);
        foreach (var profile in profiles.EnumerateObject())
            if (profile.Value.TryGetProperty("commandName", out var command) && command.GetString() == "Project")
                return Read(profile.Name, profile.Value);
        return null;
    }

    private static LaunchProfile Read(string name, JsonElement profile)
    {
        var urls = profile.TryGetProperty("applicationUrl", out var url) ? url.GetString() ?? "" : "";
        var environment = profile.TryGetProperty("environmentVariables", out var variables)
            ? variables.EnumerateObject().ToDictionary(v => v.Name, v => v.Value.ToString())
            : [];
        return new LaunchProfile(
            name, [.. urls.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(u => new Uri(u))], environment);
    }

    private static DistributedApplicationException Missing(string projectPath, string profile) =>
        new($"Launch settings file of project '{projectPath}' does not contain the profile '{profile}'.");
}
