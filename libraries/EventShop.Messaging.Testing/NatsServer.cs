using System.Diagnostics;
using System.Text.Json;

namespace EventShop.Messaging.Testing;

/// <summary>
/// A real <c>nats-server</c> process with JetStream on a free port of 127.0.0.1, its data in a temporary folder. The binary is
/// <c>NATS_SERVER</c>, or <c>nats-server</c> from the PATH. Disposing it leaves neither process nor folder behind.
/// </summary>
public sealed class NatsServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("eventshop-nats-").FullName;
    private readonly bool _jetStream;
    private Process? _process;
    private bool _isPaused;

    private NatsServer(string config, bool jetStream)
    {
        Config = config;
        _jetStream = jetStream;
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
    }

    /// <summary>The port clients connect to; it stays the same when the server restarts.</summary>
    public int Port { get; } = FreePort.Take();

    /// <summary>The URL clients connect to, without credentials.</summary>
    public string Url => $"nats://127.0.0.1:{Port}";

    /// <summary>The URL of the monitoring endpoints; a restart may change it.</summary>
    public Uri MonitorUrl { get; private set; } = new("http://127.0.0.1");

    /// <summary>Further configuration; a change counts from the next start on.</summary>
    public string Config { get; set; }

    /// <summary>Further configuration of JetStream, such as <c>max_file_store: 1MB</c>; a change counts from the next start on.</summary>
    public string JetStreamConfig { get; set; } = "";

    /// <summary>Whether the process runs.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Its process id; another after a restart.</summary>
    public int Id => Running().Id;

    /// <summary>The folder JetStream keeps its data in.</summary>
    public string DataFolder => Path.Combine(_folder, "data");

    /// <summary>What the server has logged.</summary>
    public string Log => File.Exists(LogFile) ? ReadShared(LogFile) : "";

    private string LogFile => Path.Combine(_folder, "nats-server.log");

    /// <summary>Starts a server that takes clients when the task completes.</summary>
    /// <param name="config">Further configuration, such as <c>authorization</c> or <c>tls</c> blocks.</param>
    /// <param name="jetStream">Whether JetStream is on.</param>
    /// <param name="jetStreamConfig">Further configuration of JetStream.</param>
    public static async Task<NatsServer> StartAsync(string config = "", bool jetStream = true, string jetStreamConfig = "")
    {
        var server = new NatsServer(config, jetStream) { JetStreamConfig = jetStreamConfig };
        try
        {
            await server.StartProcessAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The URL with credentials.</summary>
    public string UrlFor(string user, string password) =>
        $"nats://{Uri.EscapeDataString(user)}:{Uri.EscapeDataString(password)}@127.0.0.1:{Port}";

    /// <summary>Kills the process (SIGKILL): what it had not written to its files is lost.</summary>
    public void Kill()
    {
        if (_process is not { } process)
        {
            return;
        }

        if (!process.HasExited)
        {
            process.Kill();
        }

        process.WaitForExit();
        process.Dispose();
        _process = null;
        _isPaused = false;
    }

    /// <summary>Stops the process as a deployment would (SIGTERM).</summary>
    public async Task StopAsync()
    {
        if (_process is not { HasExited: false } process)
        {
            return;
        }

        Resume();
        ProcessSignal.Terminate.SendTo(process);
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"nats-server did not stop. Its log ends:\n{Tail(Log)}");
        }
        finally
        {
            Kill();
        }
    }

    /// <summary>Starts the stopped or killed server again, on the same port and with its data.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await StartProcessAsync();
    }

    /// <summary>Kills the server and starts it again on the same port with nothing in it.</summary>
    public async Task RestartEmptyAsync()
    {
        Kill();
        Directory.Delete(DataFolder, recursive: true);
        await StartProcessAsync();
    }

    /// <summary>Freezes the process (SIGSTOP): connections stay open and nothing answers.</summary>
    public void Pause()
    {
        ProcessSignal.Stop.SendTo(Running());
        _isPaused = true;
        ProcessSignal.WaitUntilStopped(Running(), Patience);
    }

    /// <summary>Lets a frozen process go on (SIGCONT).</summary>
    public void Resume()
    {
        if (_isPaused)
        {
            ProcessSignal.Continue.SendTo(Running());
            _isPaused = false;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        Kill();
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }

        return ValueTask.CompletedTask;
    }

    private static string ReadShared(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static string Tail(string log) => string.Join('\n', log.TrimEnd().Split('\n').TakeLast(10));

    private Process Running() =>
        _process is { HasExited: false } process ? process : throw new InvalidOperationException("nats-server is not running");

    private async Task StartProcessAsync()
    {
        Directory.CreateDirectory(DataFolder);
        var configFile = Path.Combine(_folder, "nats-server.conf");
        await File.WriteAllTextAsync(configFile, Configuration());
        var binary = Environment.GetEnvironmentVariable("NATS_SERVER") ?? "nats-server";
        _process = Process.Start(new ProcessStartInfo(binary, ["-c", configFile]))
            ?? throw new InvalidOperationException("nats-server did not start");
        if (!await IsReadyAsync(_process))
        {
            Kill();
            throw new InvalidOperationException($"nats-server did not start. Its log ends:\n{Tail(Log)}");
        }
    }

    private string Configuration() =>
        $$"""
        listen: "127.0.0.1:{{Port}}"
        http: "127.0.0.1:-1"
        ports_file_dir: "{{_folder}}"
        log_file: "{{LogFile}}"
        {{(_jetStream ? $$"""jetstream { store_dir: "{{DataFolder}}", {{JetStreamConfig}} }""" : "")}}
        {{Config}}
        """;

    /// <summary>The server writes its ports to a file once it listens.</summary>
    private async Task<bool> IsReadyAsync(Process process)
    {
        for (var started = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(started) < Patience; await Task.Delay(10))
        {
            if (process.HasExited)
            {
                return false;
            }

            var portsFile = Directory.EnumerateFiles(_folder, $"*_{process.Id}.ports").FirstOrDefault();
            if (portsFile is not null && TryReadPorts(ReadShared(portsFile)))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryReadPorts(string json)
    {
        if (!json.TrimEnd().EndsWith('}'))
        {
            return false;
        }

        using var ports = JsonDocument.Parse(json);
        MonitorUrl = new Uri(ports.RootElement.GetProperty("monitoring")[0].GetString()!);
        return true;
    }

    private void OnProcessExit(object? sender, EventArgs args) => Kill();
}
