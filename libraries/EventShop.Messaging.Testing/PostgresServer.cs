using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Npgsql;

namespace EventShop.Messaging.Testing;

/// <summary>
/// A real PostgreSQL process on a free port with its data in a folder of its own, <c>fsync</c> on. Never as root: PostgreSQL
/// refuses, so under root it runs as the system's <c>postgres</c> user.
/// </summary>
public class PostgresServer : IAsyncDisposable
{
    /// <summary>Environment variable: this run of the tests has no use for the server, and may be killed before it could stop it.</summary>
    public const string NotNeeded = "EVENTSHOP_TEST_WITHOUT_POSTGRES";

    private static readonly string Binaries = FindBinaries();
    private static readonly bool IsRoot = Environment.UserName == "root";

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"eventshop-pg-{Guid.NewGuid():N}");
    private readonly ConcurrentQueue<string> _log = new();
    private Process? _process;

    public int Port { get; private set; }

    /// <summary>How many connections it takes; a change counts from the next start on.</summary>
    public int MaxConnections { get; set; } = 300;

    /// <summary>Further settings, <c>name=value</c>; a change counts from the next start on.</summary>
    public IReadOnlyList<string> Settings { get; set; } = [];

    /// <summary>What it has logged.</summary>
    public IReadOnlyCollection<string> Log => _log;

    /// <summary>The id of its first process, the parent of all others.</summary>
    public int Id => _process!.Id;

    /// <summary>A connection string for a database of this name, which need not exist.</summary>
    public string ConnectionString(string database) =>
        $"Host=127.0.0.1;Port={Port};Username=postgres;Database={database};Include Error Detail=true";

    /// <summary>A connection string for a database that nobody else uses, which does not exist yet.</summary>
    public string NewDatabase(string prefix = "test") => ConnectionString($"{prefix}_{Guid.NewGuid():N}");

    /// <summary>Makes its data folder and starts it.</summary>
    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable(NotNeeded) is not null)
            return;
        await PrepareFolderAsync();
        await RunAsPostgresAsync("initdb", "-D", $"{_folder}/data", "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync");
        await StartAsync();
    }

    /// <summary>Starts it (again) on its port with its data.</summary>
    public async Task StartAsync()
    {
        _process = Process.Start(AsPostgres("postgres",
            ["-D", $"{_folder}/data", "-p", $"{Port}", "-h", "127.0.0.1", "-k", _folder, "-c", $"max_connections={MaxConnections}",
            .. Settings.SelectMany(setting => new[] { "-c", setting })]))!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, line) => _log.Enqueue(line.Data ?? "");
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await Eventually.True("PostgreSQL accepts connections", AcceptsConnectionsAsync, TimeSpan.FromSeconds(30));
    }

    /// <summary>Starts a hot standby of it, which has every commit before it is confirmed.</summary>
    public async Task<PostgresServer> StartStandbyAsync()
    {
        var standby = new PostgresServer { Settings = Settings };
        await standby.PrepareFolderAsync();
        await RunAsPostgresAsync("pg_basebackup", "-h", "127.0.0.1", "-p", $"{Port}", "-U", "postgres", "-D", $"{standby._folder}/data",
            "-R", "-X", "stream", "-c", "fast", "--no-sync");
        await standby.StartAsync();
        await ExecuteAsync("alter system set synchronous_standby_names = '*'");
        await ExecuteAsync("select pg_reload_conf()");
        return standby;
    }

    /// <summary>Runs a statement as superuser, in the database <c>postgres</c> or another.</summary>
    public async Task ExecuteAsync(string sql, string database = "postgres")
    {
        await using var db = NpgsqlDataSource.Create(ConnectionString(database) + ";Pooling=false");
        await using var command = db.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Cuts the sessions of a role.</summary>
    public Task CutAsync(string role) => ExecuteAsync($"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}' and backend_type = 'client backend' and pid <> pg_backend_pid()");

    /// <summary>SIGSTOP: connections stay, new ones are made, and nothing answers.</summary>
    /// <param name="postmaster">Whether also the process is stopped that answers those who want to connect or to cancel.</param>
    public async Task PauseAsync(bool postmaster = true)
    {
        if (postmaster)
            ProcessSignal.Stop.SendTo(Id);
        foreach (var child in await ChildrenAsync())
            ProcessSignal.Stop.SendTo(child);
    }

    /// <summary>SIGCONT.</summary>
    public async Task ResumeAsync()
    {
        foreach (var child in await ChildrenAsync())
            ProcessSignal.Continue.SendTo(child);
        ProcessSignal.Continue.SendTo(Id);
    }

    /// <summary>SIGKILL to the server; the crash recovery is the next start's.</summary>
    public async Task KillAsync()
    {
        // Immediate shutdown also ends the backends, which a kill of the postmaster alone leaves behind for a while.
        _ = kill(_process!.Id, SIGQUIT);
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            await KillAsync();
        _process?.Dispose();
        _process = null;
        if (IsRoot)
            await RunAsync("rm", "-rf", _folder);
        else
            Directory.Delete(_folder, recursive: true);
    }

    private async Task PrepareFolderAsync()
    {
        // A test run that is interrupted never gets to dispose of its servers.
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            if (_process is { HasExited: false })
                _ = kill(_process.Id, SIGQUIT);
        };
        Directory.CreateDirectory(_folder);
        if (IsRoot)
            await RunAsync("chown", "postgres", _folder);
        Port = FreePort.Take();
    }

    private async Task<int[]> ChildrenAsync()
    {
        using var process = Process.Start(new ProcessStartInfo("pgrep", ["-P", $"{Id}"]) { RedirectStandardOutput = true })!;
        var ids = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return [.. ids.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
    }

    private async Task<bool> AcceptsConnectionsAsync()
    {
        if (_process!.HasExited)
            throw new InvalidOperationException($"PostgreSQL ended with exit status {_process.ExitCode}");
        try
        {
            await using var db = NpgsqlDataSource.Create(ConnectionString("postgres") + ";Pooling=false");
            await using var connection = await db.OpenConnectionAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    private static ProcessStartInfo AsPostgres(string binary, params string[] arguments)
    {
        var path = Path.Combine(Binaries, binary);
        string[] command = IsRoot
            ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", path, .. arguments]
            : [path, .. arguments];
        return new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
    }

    private static async Task RunAsPostgresAsync(string binary, params string[] arguments) => await WaitAsync(AsPostgres(binary, arguments));

    private static async Task RunAsync(string command, params string[] arguments) => await WaitAsync(
        new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true });

    private static async Task WaitAsync(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{start.FileName} ended with {process.ExitCode}: {await output}{await errors}");
    }

    private static string FindBinaries() =>
        Environment.GetEnvironmentVariable("PG_BIN")
        ?? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => new FileInfo(Path.Combine(folder, "initdb")))
            .Where(initdb => initdb.Exists)
            // Where it is a link, pg_basebackup may be beside what it leads to only.
            .Select(initdb => (initdb.ResolveLinkTarget(returnFinalTarget: true) ?? initdb).FullName)
            .Select(Path.GetDirectoryName)
            .FirstOrDefault()
        ?? (Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [])
            .OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0)
            .Select(d => Path.Combine(d, "bin"))
            .FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
        ?? throw new InvalidOperationException("PostgreSQL is not installed: install it (Debian: apt-get install postgresql) or set PG_BIN");

    private const int SIGQUIT = 3;

    [DllImport("libc")]
    private static extern int kill(int pid, int signal);
}
