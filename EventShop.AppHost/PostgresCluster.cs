using System.Globalization;

namespace EventShop.AppHost;

/// <summary>The files of the local PostgreSQL: created once, owned by the user it runs as.</summary>
internal sealed class PostgresCluster(string name, LocalData data)
{
    private static readonly TimeSpan ShutdownPatience = TimeSpan.FromSeconds(15);
    private readonly string home = Path.Combine(data.Folder, name);

    public string Folder => Path.Combine(home, "data");

    /// <summary>Runs initdb if there is no cluster yet, and waits for a server that is still shutting down.</summary>
    /// <exception cref="DistributedApplicationException">initdb failed, or the server keeps running.</exception>
    public async Task PrepareAsync(CancellationToken ct)
    {
        PrivateFiles.CreateFolder(home);
        await GiveToPostgresAsync(ct);
        if (File.Exists(Path.Combine(Folder, "PG_VERSION")))
            await WaitForOldServerAsync(ct);
        else
            await InitializeAsync(ct);
    }

    private async Task GiveToPostgresAsync(CancellationToken ct)
    {
        if (!PostgresUser.IsNeeded)
            return;
        // The user may pass through the data folder, and no more; its own folder is its own.
        await Must(["chgrp", PostgresUser.Name, data.Folder], ct);
        await Must(["chmod", "0710", data.Folder], ct);
        await Must(["chown", $"{PostgresUser.Name}:{PostgresUser.Name}", home], ct);
    }

    private async Task InitializeAsync(CancellationToken ct)
    {
        // Into a folder beside it, renamed at the end: an initdb that was interrupted leaves nothing that looks complete.
        var unfinished = Folder + ".new";
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        var passwordFile = Path.Combine(home, "password");
        PrivateFiles.Write(passwordFile, data.Password(name));
        try
        {
            if (PostgresUser.IsNeeded)
                await Must(["chown", PostgresUser.Name, passwordFile], ct);
            await Must(
                [
                    .. PostgresUser.Prefix, Path.Combine(data.Options.PostgresBin, "initdb"), "--pgdata", unfinished,
                    "--username", PostgresUser.Name, "--auth", "scram-sha-256", "--pwfile", passwordFile,
                    "--encoding", "UTF8", "--no-locale",
                ], ct);
            Directory.Move(unfinished, Folder);
        }
        finally
        {
            File.Delete(passwordFile);
        }
    }

    private async Task WaitForOldServerAsync(CancellationToken ct)
    {
        var pidFile = Path.Combine(Folder, "postmaster.pid");
        var since = TimeProvider.System.GetTimestamp();
        while (File.Exists(pidFile) && await IsRunningAsync(pidFile, ct))
        {
            if (TimeProvider.System.GetElapsedTime(since) > ShutdownPatience)
                throw new DistributedApplicationException(
                    $"A PostgreSQL server is still running on '{Folder}' (its process id is in postmaster.pid): stop it first.");
            await Task.Delay(TimeSpan.FromMilliseconds(100), ct);
        }
    }

    private static async Task<bool> IsRunningAsync(string pidFile, CancellationToken ct)
    {
        try
        {
            var line = (await File.ReadAllLinesAsync(pidFile, ct)).FirstOrDefault();
            return int.TryParse(line, CultureInfo.InvariantCulture, out var pid) && Directory.Exists("/proc")
                && File.Exists($"/proc/{pid}/cmdline")
                && (await File.ReadAllTextAsync($"/proc/{pid}/cmdline", ct)).Contains("postgres", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // The file or the process went away while we looked.
            return false;
        }
    }

    private static async Task Must(IReadOnlyList<string> line, CancellationToken ct)
    {
        var (ok, output) = await LocalPrograms.RunAsync(line, ct);
        if (!ok)
            throw new DistributedApplicationException($"{Path.GetFileName(line[0])} failed: {output}");
    }
}
