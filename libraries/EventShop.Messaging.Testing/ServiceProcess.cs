using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;

namespace EventShop.Messaging.Testing;

/// <summary>A service as a process of its own, from its build output, so that it can be killed, paused and restarted.</summary>
public sealed partial class ServiceProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(30);

    private readonly Process process;
    private readonly ConcurrentQueue<string> output = new();
    private readonly ConcurrentQueue<string> errors = new();
    private readonly TaskCompletionSource<Uri?> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool disposed;

    private ServiceProcess(string project, IReadOnlyDictionary<string, string?>? environment, int port, string? killAt = null, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [$"{Path.GetFileName(project)}.dll", .. arguments])
        {
            WorkingDirectory = BuildOutput(project),
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

        start.Environment["KILL_AT"] = killAt;
        if (killAt is not null || start.Environment.ContainsKey("FIRST_CALLS"))
        {
            start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(ServiceProcess).Assembly.Location;
        }

        // A test run that is interrupted never gets to dispose of its services.
        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Read(line.Data, output);
        process.ErrorDataReceived += (_, line) => Read(line.Data, errors);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where it listens; a worker does nowhere.</summary>
    public Uri BaseAddress => listening.Task.Result ?? throw new InvalidOperationException("It does not listen.");

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

    /// <summary>Starts a service on a free port, or on the given one, and waits until it listens, or, where it is a worker, has started.</summary>
    /// <param name="project">The folder of its project, relative to the repository, named like its assembly: <c>services/OrderService</c>.</param>
    /// <param name="environment">Further environment variables.</param>
    /// <param name="port">Where it listens; 0 for a free port.</param>
    /// <param name="killAt">
    /// The step of <c>ProcessStep</c> at which it dies, <c>outbox.after-commit</c>, or the n-th time it comes there, <c>outbox.after-commit:5</c>.
    /// </param>
    /// <exception cref="InvalidOperationException">It ended instead; the message holds its output.</exception>
    public static async Task<ServiceProcess> Start(
        string project,
        IReadOnlyDictionary<string, string?>? environment = null,
        int port = 0,
        string? killAt = null)
    {
        var started = new ServiceProcess(project, environment, port, killAt);
        try
        {
            var ended = started.process.WaitForExitAsync();
            if (await Task.WhenAny(started.listening.Task, ended).WaitAsync(StartLimit) == ended)
            {
                throw new InvalidOperationException($"{project} ended with {started.process.ExitCode}:\n{started.Output}");
            }

            started.Client.BaseAddress = started.listening.Task.Result;
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
        string project,
        IReadOnlyDictionary<string, string?>? environment = null,
        params string[] arguments)
    {
        var (exitCode, _, errors) = await RunCommand(project, environment, arguments);
        return (exitCode, errors);
    }

    /// <summary>Runs a verb of its command line.</summary>
    /// <returns>Its exit code and what it wrote.</returns>
    public static async Task<(int ExitCode, string Output, string Errors)> RunCommand(
        string project,
        IReadOnlyDictionary<string, string?>? environment = null,
        params string[] arguments)
    {
        await using var started = new ServiceProcess(project, environment, port: 0, arguments: arguments);
        await started.process.WaitForExitAsync().WaitAsync(StartLimit);
        return (started.process.ExitCode, string.Join('\n', started.output), started.Errors);
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
        ProcessSignal.Terminate.SendTo(process);
        await process.WaitForExitAsync().WaitAsync(StopLimit);
        return process.ExitCode;
    }

    /// <summary>SIGSTOP: it hangs, its connections stay.</summary>
    public void Pause() => ProcessSignal.Stop.SendTo(process);

    /// <summary>SIGCONT.</summary>
    public void Continue() => ProcessSignal.Continue.SendTo(process);

    /// <summary>Also again: whoever puts another process in its place may fail in between.</summary>
    public async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        Client.Dispose();
        if (!process.HasExited)
        {
            await Kill();
        }

        process.Dispose();
    }

    private void OnProcessExit(object? sender, EventArgs args)
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }
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
        else if (line.Contains("Application started", StringComparison.Ordinal))
        {
            // A worker listens nowhere; whoever listens has said so before.
            listening.TrySetResult(null);
        }
    }

    // Of the configuration that the tests were built in, which need not be that of this library: …/bin/Debug/net10.0.
    private static string BuildOutput(string project)
    {
        var tests = new DirectoryInfo(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return Repository.File(Path.Combine(project, "bin", tests.Parent!.Name, tests.Name));
    }

    [GeneratedRegex(@"Now listening on: (http://[^\s""]+)")]
    private static partial Regex Listening();
}
