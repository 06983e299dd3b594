using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace EventShop.AppHost;

/// <summary>The private folder of a shop's data. One AppHost at a time may use it.</summary>
/// <param name="path">An absolute path; the folder need not exist.</param>
/// <param name="isToBeReset">The setting Infrastructure:Reset: drop the data instead of starting the shop.</param>
internal sealed class DataFolder(string path, bool isToBeReset) : IDisposable
{
    private const string LockFile = "lock";

    private FileStream? _lock;

    public string Path => path;

    public bool IsToBeReset => isToBeReset;

    /// <summary>The folder configured, else .data in the repository.</summary>
    public static string Default(string appHostFolder, string? configured)
    {
        var repository = System.IO.Path.GetFullPath("..", appHostFolder);
        return System.IO.Path.GetFullPath(string.IsNullOrEmpty(configured) ? ".data" : configured, repository);
    }

    /// <summary>
    /// Root's repository may lie where the user "postgres" cannot go (/root): then a folder below /var/lib, one for each repository.
    /// </summary>
    public static string OfTheMachine(string appHostFolder)
    {
        var repository = SHA256.HashData(Encoding.UTF8.GetBytes(System.IO.Path.GetFullPath("..", appHostFolder)));
        return System.IO.Path.Combine("/var/lib/eventshop", Convert.ToHexStringLower(repository)[..12]);
    }

    public string File(string name) => System.IO.Path.Combine(path, name);

    /// <exception cref="DistributedApplicationException">Another AppHost uses the folder.</exception>
    public void Take()
    {
        PrivateFiles.CreateFolder(path);
        try
        {
            _lock = new FileStream(File(LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new DistributedApplicationException(
                $"Another AppHost is using the data folder '{path}': stop it, or set Infrastructure:DataFolder to another folder.");
        }
    }

    /// <summary>A password that stays the same as long as the folder does.</summary>
    public string Password(string name)
    {
        var file = File($"{name}.password");
        if (!System.IO.File.Exists(file))
        {
            PrivateFiles.CreateFolder(path);
            PrivateFiles.Write(file, RandomNumberGenerator.GetHexString(32, lowercase: true));
        }

        return System.IO.File.ReadAllText(file);
    }

    /// <summary>Drops the folder and the volumes of the containers in the model.</summary>
    /// <returns>One line: what was dropped.</returns>
    /// <exception cref="DistributedApplicationException">A shop runs on the data.</exception>
    public async Task<string> ResetAsync(IDistributedApplicationBuilder builder)
    {
        Take();
        var dropped = new List<string>();
        var engine = builder.Configuration["ASPIRE_CONTAINER_RUNTIME"] ?? "docker";
        foreach (var volume in builder.Resources.SelectMany(resource => resource.Annotations.OfType<ContainerMountAnnotation>())
            .Where(mount => mount.Type is ContainerMountType.Volume).Select(mount => mount.Source!))
        {
            if ((await LocalPrograms.RunAsync([engine, "volume", "inspect", volume], CancellationToken.None)).Ok)
            {
                var (ok, output) = await LocalPrograms.RunAsync([engine, "volume", "rm", volume], CancellationToken.None);
                dropped.Add(ok ? $"the volume {volume}" : throw new DistributedApplicationException($"The volume {volume} was not dropped: {output}"));
            }
        }

        Dispose();
        dropped.AddRange(Directory.GetFileSystemEntries(path).Where(entry => entry != File(LockFile)).Order());
        Directory.Delete(path, recursive: true);
        return dropped.Count == 0 ? $"There is no data in {path}." : $"Dropped {string.Join(", ", dropped)}.";
    }

    public void Dispose() => _lock?.Dispose();
}

internal static class DataFolderExtensions
{
    /// <summary>The folder, locked from the start of the application to its end.</summary>
    public static DataFolder AddDataFolder(this IDistributedApplicationBuilder builder, string path)
    {
        var data = new DataFolder(path, builder.Configuration.GetValue<bool>("Infrastructure:Reset"));
        // Registered by a factory so that the container owns it, and lets go of the lock last.
        builder.Services.AddSingleton(_ => data);
        builder.Eventing.Subscribe<BeforeStartEvent>((e, _) =>
        {
            e.Services.GetRequiredService<DataFolder>().Take();
            return Task.CompletedTask;
        });
        return data;
    }

    /// <summary>Tells a service where its file is. Published, it decides for itself.</summary>
    public static IResourceBuilder<ProjectResource> WithDataFile(
        this IResourceBuilder<ProjectResource> service, string setting, string name, DataFolder? data) =>
        data is null ? service : service.WithEnvironment(setting, data.File(name));
}
