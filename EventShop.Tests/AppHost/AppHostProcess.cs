using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.AppHost;

/// <summary>The AppHost as a process of its own, on local infrastructure and free ports.</summary>
internal sealed partial class AppHostProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly string _folder;

    private AppHostProcess(string folder, IEnumerable<string> arguments)
    {
        _folder = folder;
        var output = Path.Combine("bin", Configuration, "net10.0");
        var start = new ProcessStartInfo(Repository.File(Path.Combine("EventShop.AppHost", output, "EventShop.AppHost")), arguments)
        {
            WorkingDirectory = Repository.File("EventShop.AppHost"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_URLS"] = "http://localhost:15100";
        start.Environment["ASPIRE_ALLOW_UNSECURED_TRANSPORT"] = "true";
        start.Environment["Infrastructure__Mode"] = "Local";
        // All that it starts inherits this, and is found by it.
        start.Environment["Infrastructure__DataFolder"] = folder;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
        _process.ErrorDataReceived += (_, line) => _lines.Enqueue(line.Data ?? "");
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public static string Configuration { get; } =
        typeof(AppHostProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()?.Configuration ?? "Debug";

    public string Output => string.Join('\n', _lines);

    /// <summary>Starts it and waits until it says that the shop is open.</summary>
    public static async Task<AppHostProcess> StartAsync(string folder)
    {
        var started = new AppHostProcess(folder, ["--DcpPublisher:RandomizePorts=true"]);
        try
        {
            await Eventually.True("the shop is open", () => started._process.HasExited || started.Output.Contains("The shop is open", StringComparison.Ordinal), StartLimit);
            Assert.False(started._process.HasExited, started.Output);
            return started;
        }
        catch (Exception e)
        {
            await started.DisposeAsync();
            throw new InvalidOperationException($"The AppHost did not start. It wrote:\n{started.Output}", e);
        }
    }

    /// <summary>Starts one that is expected to end by itself.</summary>
    /// <returns>Its exit code and what it wrote.</returns>
    public static async Task<(int ExitCode, string Output)> RunToEndAsync(string folder, params string[] arguments)
    {
        // Not disposed of as a whole: another may be running on the folder.
        var ended = new AppHostProcess(folder, arguments);
        using var process = ended._process;
        await process.WaitForExitAsync().WaitAsync(StartLimit);
        return (process.ExitCode, ended.Output.Trim());
    }

    /// <summary>The address of a service, as it was printed.</summary>
    public Uri Address(string service) => new(Addresses().Matches(Output).First(match => match.Groups["service"].Value == service).Groups["url"].Value);

    /// <summary>SIGKILL to the AppHost, and to nothing else.</summary>
    public Task KillAsync()
    {
        _process.Kill();
        return _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, and the order in which the programs of the shop were seen to end.</summary>
    public async Task<IReadOnlyList<string>> StopAsync()
    {
        var running = Programs();
        var ended = new List<string>();
        ProcessSignal.Terminate.SendTo(_process.Id);
        var exit = _process.WaitForExitAsync();
        for (var started = Stopwatch.StartNew(); !exit.IsCompleted; await Task.Delay(10))
        {
            Assert.True(started.Elapsed < StopLimit, $"the AppHost does not stop:\n{Output}");
            var left = Programs();
            ended.AddRange(running.Keys.Except(left.Keys).Select(id => running[id]));
            running = left;
        }

        return ended;
    }

    /// <summary>What the AppHost has started and what that has started, by process id: the names of their programs.</summary>
    public Dictionary<int, string> Programs()
    {
        var programs = new Dictionary<int, string>();
        foreach (var process in new DirectoryInfo("/proc").EnumerateDirectories().Where(process => process.Name.All(char.IsAsciiDigit)))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(process.FullName, "environ")).Contains(_folder, StringComparison.Ordinal))
                {
                    var line = File.ReadAllText(Path.Combine(process.FullName, "cmdline")).Split('\0');
                    var program = line.Length > 1 && Path.GetFileName(line[0]) is "dotnet" or "sh" ? line[1] : line[0];
                    programs[int.Parse(process.Name, CultureInfo.InvariantCulture)] = Path.GetFileNameWithoutExtension(program);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended.
            }
        }

        return programs;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
        // The orchestrator sees to it: without the AppHost it ends all that it runs.
        await Eventually.True("nothing of the shop is left", () => Programs().Count == 0, StopLimit);
    }

    [GeneratedRegex(@"^ +(?<service>[a-z-]+) .*(?<url>http://[^/]+)/", RegexOptions.Multiline)]
    private static partial Regex Addresses();
}
