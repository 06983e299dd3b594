using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Npgsql;

namespace EventShop.Messaging.Testing;

/// <summary>
/// A real PgBouncer in transaction mode in front of a PostgreSQL. Never as root: PgBouncer refuses, so under root it becomes the system's
/// <c>postgres</c> user.
/// </summary>
public sealed partial class PgBouncer : IAsyncDisposable
{
    private static readonly string Fetched = Repository.File("artifacts/pgbouncer");

    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"eventshop-pgbouncer-{Guid.NewGuid():N}");
    private readonly int _port = FreePort.Take();
    private Process? _process;

    private PgBouncer()
    {
    }

    /// <summary>Its version: what it does with prepared statements differs.</summary>
    public Version Version { get; private set; } = new();

    /// <summary>Starts one that takes clients when the task completes.</summary>
    /// <param name="postgres">What it leads to.</param>
    /// <param name="settings">Settings besides, as in <c>pgbouncer.ini</c>.</param>
    public static async Task<PgBouncer> StartAsync(PostgresServer postgres, params string[] settings)
    {
        var pooler = new PgBouncer();
        try
        {
            await pooler.StartProcessAsync(postgres, settings);
            return pooler;
        }
        catch
        {
            await pooler.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same database, through it.</summary>
    public string Through(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Port = _port }.ConnectionString;

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            if (!_process.HasExited)
                _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private async Task StartProcessAsync(PostgresServer postgres, string[] settings)
    {
        Version = Version.Parse(VersionLine().Match(await VersionAsync()).Groups[1].Value);
        Directory.CreateDirectory(_folder);
        var file = Path.Combine(_folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(file, $"""
            [databases]
            * = host=127.0.0.1 port={postgres.Port} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {_port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = 10
            {(Environment.UserName == "root" ? "user = postgres" : "")}
            {string.Join('\n', settings)}
            """);
        _process = Process.Start(Command(file))!;
        var log = new List<string>();
        _process.ErrorDataReceived += (_, line) => log.Add(line.Data ?? "");
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await Eventually.True("pgbouncer listens", async () =>
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"pgbouncer ended: {string.Join('\n', log)}");
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _port);
            return true;
        });
    }

    private static async Task<string> VersionAsync()
    {
        using var process = Process.Start(Command("--version"))!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output;
    }

    private static ProcessStartInfo Command(string argument)
    {
        var program = Find();
        var start = new ProcessStartInfo(program, [argument])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        // Taken out of its package, it has its libraries beside it.
        if (program.StartsWith(Fetched, StringComparison.Ordinal))
            start.Environment["LD_LIBRARY_PATH"] = string.Join(':', Directory.GetDirectories(Path.Combine(Fetched, "usr/lib")));
        return start;
    }

    private static string Find()
    {
        var folders = Environment.GetEnvironmentVariable("PGBOUNCER_BIN") is { Length: > 0 } given
            ? [given]
            : Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Append("/usr/sbin").Append(Path.Combine(Fetched, "usr/sbin"));
        return folders.Select(folder => Path.Combine(folder, "pgbouncer")).FirstOrDefault(File.Exists) ?? throw new InvalidOperationException(
            "pgbouncer is not found: ./test.sh fetches it on Debian and Ubuntu (apt-get download pgbouncer); elsewhere install pgbouncer " +
            "(macOS: brew install pgbouncer) or set PGBOUNCER_BIN to the folder that has it.");
    }

    [GeneratedRegex(@"PgBouncer (\d+\.\d+)")]
    private static partial Regex VersionLine();
}
