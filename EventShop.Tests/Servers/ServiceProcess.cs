using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Reflection;
using System.Text.RegularExpressions;

namespace EventShop.Tests.Servers;

/// <summary>A service as a process of its own, from its build output, so that it can be killed, paused and restarted.</summary>
public sealed partial class ServiceProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    private readonly Process process;
    private readonly ConcurrentQueue<string> output = new();
    private readonly ConcurrentQueue<string> errors = new();
    private readonly TaskCompletionSource<Uri> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool disposed;

    private ServiceProcess(string service, IReadOnlyDictionary<string, string?>? environment, int port, bool failPoints = false, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [$"{service}.dll", .. arguments])
        {
            WorkingDirectory = BuildOutput(service, failPoints),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        // What the machine exports its telemetry to is not this test's business.
        start.Environment.Remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        start.Environment.Remove("JAEGER_OTLP_ENDPOINT");
        // .NET's debugger and diagnostics sockets lie in the temporary folder, and stay there when a process is killed.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Read(line.Data, output);
        process.ErrorDataReceived += (_, line) => Read(line.Data, errors);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where it listens.</summary>
    public Uri BaseAddress => listening.Task.Result;

    /// <summary>A client of it.</summary>
    public HttpClient Client { get; } = new() { Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>Its process id.</summary>
    public int Id => process.Id;

    /// <summary>What it wrote so far, both streams.</summary>
    public string Output => string.Join('\n', output.Concat(errors));

    /// <summary>The end of what it wrote to stdout.</summary>
    public string LastLines(int count) => string.Join('\n', output.TakeLast(count));

    /// <summary>What it wrote to stderr so far.</summary>
    public string Errors => string.Join('\n', errors);

    /// <summary>Starts services/{service} on a free port, or on the given one, and waits until it listens.</summary>
    /// <param name="failPoints">Whether from the build with fail-points, which the environment variable <c>FAILPOINT</c> arms.</param>
    /// <exception cref="InvalidOperationException">It ended instead; the message holds its output.</exception>
    public static async Task<ServiceProcess> Start(
        string service,
        IReadOnlyDictionary<string, string?>? environment = null,
        int port = 0,
        bool failPoints = false)
    {
        var started = new ServiceProcess(service, environment, port, failPoints);
        try
        {
            var ended = started.process.WaitForExitAsync();
            if (await Task.WhenAny(started.listening.Task, ended).WaitAsync(StartLimit) == ended)
            {
                throw new InvalidOperationException($"{service} ended with {started.process.ExitCode}:\n{started.Output}");
            }

            started.Client.BaseAddress = started.BaseAddress;
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a service that is expected to end by itself.</summary>
    /// <returns>Its exit code and what it wrote to stderr.</returns>
    public static async Task<(int ExitCode, string Errors)> RunToEnd(
        string service,
        IReadOnlyDictionary<string, string?>? environment = null,
        params string[] arguments)
    {
        await using var started = new ServiceProcess(service, environment, port: 0, arguments: arguments);
        await started.process.WaitForExitAsync().WaitAsync(StartLimit);
        return (started.process.ExitCode, started.Errors);
    }

    /// <summary>Waits until /health answers 200.</summary>
    public Task WaitHealthy(TimeSpan? timeout = null) => Eventually.True(
        $"{BaseAddress} healthy",
        async () =>
        {
            try
            {
                using var answer = await Client.GetAsync("/health");
                return answer.StatusCode == HttpStatusCode.OK;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        },
        timeout ?? StartLimit);

    /// <summary>Whether it has ended, of itself or not.</summary>
    public bool HasExited => process.HasExited;

    /// <summary>Waits until it has ended by itself.</summary>
    /// <returns>The exit code; 128 + the signal that killed it.</returns>
    public async Task<int> Exited(TimeSpan? timeout = null)
    {
        await process.WaitForExitAsync().WaitAsync(timeout ?? StopLimit);
        return process.ExitCode;
    }

    /// <summary>SIGKILL: no goodbye.</summary>
    public async Task Kill()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync().WaitAsync(StopLimit);
    }

    /// <summary>SIGTERM, as a deployment does; waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> Terminate()
    {
        Signals.Send(process.Id, Signals.Terminate);
        await process.WaitForExitAsync().WaitAsync(StopLimit);
        return process.ExitCode;
    }

    /// <summary>SIGSTOP: it hangs, its connections stay.</summary>
    public void Pause() => Signals.Send(process.Id, Signals.Stop);

    /// <summary>SIGCONT.</summary>
    public void Continue() => Signals.Send(process.Id, Signals.Continue);

    /// <summary>Also again: whoever puts another process in its place may fail in between.</summary>
    public async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        Client.Dispose();
        if (!process.HasExited)
        {
            await Kill();
        }

        process.Dispose();
    }

    private void Read(string? line, ConcurrentQueue<string> lines)
    {
        if (line is null)
        {
            return;
        }

        lines.Enqueue(line);
        if (Listening().Match(line) is { Success: true } match)
        {
            listening.TrySetResult(new Uri(match.Groups[1].Value));
        }
    }

    private static string BuildOutput(string service, bool failPoints)
    {
        var configuration = typeof(ServiceProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration;
        if (!failPoints)
        {
            return Repository.File(Path.Combine("services", service, "bin", configuration ?? "Debug", "net10.0"));
        }

        var folder = Repository.File(Path.Combine("artifacts", "failpoints", "bin", service, (configuration ?? "Debug").ToLowerInvariant()));
        return Directory.Exists(folder) ? folder : throw new InvalidOperationException(
            $"{service} is not built with fail-points: dotnet build services/{service} -c {configuration} -p:FailPoints=true, or ./test.sh");
    }

    [GeneratedRegex(@"Now listening on: (http://[^\s""]+)")]
    private static partial Regex Listening();
}
