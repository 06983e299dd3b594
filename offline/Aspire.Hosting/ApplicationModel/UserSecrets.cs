using System.Text.Json;
using System.Text.Json.Nodes;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>The secrets.json that <c>dotnet user-secrets</c> keeps for one UserSecretsId, readable by its owner alone.</summary>
internal sealed class UserSecrets(string? id)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private readonly Lock sync = new();

    /// <summary>Best effort: without an id, or without a home folder to write to, a value lives for one run.</summary>
    public void TrySet(string key, string value)
    {
        if (string.IsNullOrEmpty(id))
            return;
        lock (sync)
        {
            try
            {
                var path = Microsoft.Extensions.Configuration.UserSecrets.PathHelper.GetSecretsPathFromSecretsId(id);
                var json = File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? [] : [];
                json[key] = value;
                var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using var file = new StreamWriter(path, options);
                file.Write(json.ToJsonString(Indented));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException or JsonException)
            {
                Console.Error.WriteLine($"The value of '{key}' is kept for this run only: {e.Message}");
            }
        }
    }
}
