using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace EventShop.AppHost;

/// <summary>The private folder of the local NATS and PostgreSQL, which one AppHost at a time may use.</summary>
internal sealed class LocalData(InfrastructureOptions options) : IDisposable
{
    private FileStream? held;

    public InfrastructureOptions Options => options;
    public string Folder => options.DataFolder;

    /// <summary>
    /// The folder configured, else .data in the repository. Root's repository may lie where the user "postgres" cannot go
    /// (/root): then a folder below /var/lib, one per repository.
    /// </summary>
    public static string ChooseFolder(string? configured, string appHostFolder, out string? problem)
    {
        problem = null;
        var repository = Path.GetFullPath(Path.Combine(appHostFolder, ".."));
        var folder = string.IsNullOrEmpty(configured)
            ? Path.Combine(repository, ".data")
            : Path.GetFullPath(configured, repository);
        var existing = Path.GetDirectoryName(folder) ?? folder;
        while (!Directory.Exists(existing))
            existing = Path.GetDirectoryName(existing)!;
        if (PostgresUser.CanEnter(existing))
            return folder;
        if (!string.IsNullOrEmpty(configured))
            problem = $"Infrastructure:DataFolder is '{configured}', allowed is a folder that the user '{PostgresUser.Name}' can enter.";
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(repository)))[..12];
        return Path.Combine("/var/lib/eventshop", id);
    }

    /// <exception cref="DistributedApplicationException">Another AppHost uses the folder.</exception>
    public void Take()
    {
        PrivateFiles.CreateFolder(Folder);
        try
        {
            held = new FileStream(Path.Combine(Folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new DistributedApplicationException(
                $"Another AppHost is using the data folder '{Folder}': stop it, or set Infrastructure:DataFolder to another folder.");
        }
    }

    public void Dispose() => held?.Dispose();

    /// <summary>A password that stays the same as long as the folder does.</summary>
    public string Password(string name)
    {
        var path = Path.Combine(Folder, $"{name}.password");
        if (!File.Exists(path))
        {
            PrivateFiles.CreateFolder(Folder);
            PrivateFiles.Write(path, RandomNumberGenerator.GetHexString(32, lowercase: true));
        }
        return File.ReadAllText(path);
    }

    /// <summary>A port nobody listens on, below the range outgoing connections take theirs from.</summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = RandomNumberGenerator.GetInt32(20_000, 30_000);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: try the next.
            }
        }
    }
}
