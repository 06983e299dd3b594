using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

internal static class TestingDefaults
{
    /// <summary>
    /// What a test gets unless it says otherwise: random ports, no dashboard, the AppHost's own folder, settings and launch
    /// profile, as if started by <c>dotnet run</c> there.
    /// </summary>
    public static void Apply(
        DistributedApplicationOptions options, HostApplicationBuilderSettings settings, string[] args, Assembly? appHost)
    {
        settings.Args = [.. settings.Args ?? [], .. args.Except(settings.Args ?? [])];
        settings.ApplicationName = appHost?.GetName().Name;
        options.Args = settings.Args;
        options.AssemblyName = appHost?.GetName().Name;
        options.DisableDashboard = true;
        options.EnableResourceLogging = true;
        var folder = appHost?.GetCustomAttributes<AssemblyMetadataAttribute>()
            .FirstOrDefault(m => m.Key == "AppHostProjectPath")?.Value;
        if (folder is not null && Directory.Exists(folder))
            settings.ContentRootPath = folder;
        settings.Configuration ??= new ConfigurationManager();
        var given = new ConfigurationBuilder().AddConfiguration(settings.Configuration).AddCommandLine(settings.Args).Build();
        var defaults = new Dictionary<string, string?> { ["DcpPublisher:RandomizePorts"] = "true" };
        foreach (var (name, value) in LaunchVariables(folder, given["DOTNET_LAUNCH_PROFILE"]))
        {
            defaults[name] = value;
            foreach (var prefix in (string[])["DOTNET_", "ASPNETCORE_"])
                if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
                    defaults.TryAdd(name[prefix.Length..], value);
        }
        settings.Configuration.AddInMemoryCollection(defaults.Where(d => given[d.Key] is null));
    }

    private static IEnumerable<KeyValuePair<string, string?>> LaunchVariables(string? folder, string? wanted)
    {
        var path = folder is null ? null : Path.Combine(folder, "Properties", "launchSettings.json");
        if (path is null || !File.Exists(path))
            yield break;
        using var json = JsonDocument.Parse(File.ReadAllText(path), new JsonDocumentOptions
        {
            CommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
        });
        foreach (var profile in json.RootElement.GetProperty("profiles").EnumerateObject())
        {
            if (wanted is not null && profile.Name != wanted)
                continue;
            yield return new("DOTNET_LAUNCH_PROFILE", profile.Name);
            if (profile.Value.TryGetProperty("environmentVariables", out var variables))
                foreach (var variable in variables.EnumerateObject())
                    yield return new(variable.Name, variable.Value.ToString());
            yield break;
        }
    }
}
