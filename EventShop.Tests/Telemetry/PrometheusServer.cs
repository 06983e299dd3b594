using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EventShop.Tests.Telemetry;

/// <summary>A real Prometheus with its data and its configuration in a folder of its own, and promtool beside it.</summary>
public sealed partial class PrometheusServer : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("prometheus-");
    private Process? _process;

    private PrometheusServer()
    {
    }

    public HttpClient Client { get; } = new();

    /// <summary>Starts one that scrapes these addresses each second and evaluates the shop's rules.</summary>
    public static Task<PrometheusServer> StartAsync(params Uri[] targets) => StartAsync(isHasty: false, targets);

    /// <summary>Starts one for which a second is long enough, wherever a rule wants its expression to hold <c>for</c> some time.</summary>
    public static Task<PrometheusServer> StartHastyAsync(params Uri[] targets) => StartAsync(isHasty: true, targets);

    private static async Task<PrometheusServer> StartAsync(bool isHasty, Uri[] targets)
    {
        var server = new PrometheusServer();
        try
        {
            await server.StartProcessAsync(isHasty, targets);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs promtool with this on its standard input.</summary>
    /// <returns>Its exit code, and all it said.</returns>
    public static async Task<(int ExitCode, string Output)> PromtoolAsync(string input, params string[] arguments)
    {
        using var process = Run("promtool", arguments, Repository.File("deploy/observability"));
        var output = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var text = string.Concat(await output);
        await process.WaitForExitAsync();
        return (process.ExitCode, text);
    }

    /// <summary>The data of an API call.</summary>
    public async Task<JsonElement> GetAsync(string path)
    {
        using var answer = await Client.GetAsync(path);
        var body = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return !answer.IsSuccessStatusCode ? throw new InvalidOperationException($"{path}: {body}") : body.GetProperty("data");
    }

    /// <summary>The series an expression gives now.</summary>
    public async Task<JsonElement[]> QueryAsync(string expression) =>
        [.. (await GetAsync($"/api/v1/query?query={Uri.EscapeDataString(expression)}")).GetProperty("result").EnumerateArray()];

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (_process is not null)
        {
            if (!_process.HasExited)
                _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }
        _folder.Delete(recursive: true);
    }

    private async Task StartProcessAsync(bool isHasty, Uri[] targets)
    {
        var configuration = Path.Combine(_folder.FullName, "prometheus.yml");
        var rules = Path.Combine(_folder.FullName, "alerts.yml");
        var alerts = await File.ReadAllTextAsync(Repository.File("deploy/observability/alerts.yml"));
        await File.WriteAllTextAsync(rules, isHasty ? For().Replace(alerts, "for: 1s") : alerts);
        await File.WriteAllTextAsync(configuration, $"""
            global:
              scrape_interval: 1s
              evaluation_interval: 1s
            rule_files: ["{rules}"]
            scrape_configs:
              - job_name: shop
                static_configs:
                  - targets: [{string.Join(", ", targets.Select(target => $"\"{target.Authority}\""))}]
            """);
        var port = FreePort.Take();
        _process = Run("prometheus",
        [
            $"--config.file={configuration}", $"--storage.tsdb.path={_folder.FullName}/data", $"--web.listen-address=127.0.0.1:{port}",
        ], _folder.FullName);
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        var log = _process.StandardError.ReadToEndAsync();
        Client.BaseAddress = new Uri($"http://127.0.0.1:{port}");
        await Eventually.True("prometheus is ready", async () => _process.HasExited
            ? throw new InvalidOperationException($"prometheus ended: {await log}")
            : (await Client.GetAsync("/-/ready")).IsSuccessStatusCode, Patience);
    }

    private static Process Run(string program, IEnumerable<string> arguments, string folder)
    {
        var start = new ProcessStartInfo(Find(program))
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static string Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PROMETHEUS_BIN") is { Length: > 0 } given
            ? [given]
            : Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Append(Repository.File("artifacts/prometheus/usr/bin"))).ToArray();
        return folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) ?? throw new InvalidOperationException(
            $"{program} is not found: ./test.sh fetches it on Debian and Ubuntu (apt-get download prometheus); elsewhere install prometheus " +
            "(macOS: brew install prometheus) or set PROMETHEUS_BIN to the folder that has prometheus and promtool.");
    }

    [GeneratedRegex(@"\bfor: \w+")]
    private static partial Regex For();
}
