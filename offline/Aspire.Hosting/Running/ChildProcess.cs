using System.Diagnostics;

namespace Aspire.Hosting.Running;

internal sealed record Command(
    string FileName, IReadOnlyList<string> Arguments, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

/// <summary>
/// A process in a session of its own: Ctrl+C in the terminal reaches the AppHost alone, which then stops its children in
/// order, and everything a child has started can be ended with it.
/// </summary>
internal sealed class ChildProcess
{
    private static readonly TimeSpan OutputPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan GroupPatience = TimeSpan.FromSeconds(2);
    private static readonly string[] NewSession = FindNewSession();

    private readonly Process process;
    private readonly Watchdog watchdog;
    private readonly TaskCompletionSource<int> exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(Process process, Watchdog watchdog)
    {
        this.process = process;
        this.watchdog = watchdog;
    }

    public int Id { get; private set; }

    /// <summary>The exit code, once the process has ended and its output was read.</summary>
    public Task<int> Exited => exited.Task;

    /// <param name="command">What to run.</param>
    /// <param name="watchdog">Ends the process should the AppHost be killed.</param>
    /// <param name="onLine">Called with each line of output; true for the error stream.</param>
    /// <exception cref="DistributedApplicationException">There is no such program or folder.</exception>
    public static ChildProcess Start(Command command, Watchdog watchdog, Action<string, bool> onLine)
    {
        if (!Directory.Exists(command.WorkingDirectory))
            throw new DistributedApplicationException($"its working directory '{command.WorkingDirectory}' does not exist");
        var program = Programs.Find(command.FileName, command.WorkingDirectory)
            ?? throw new DistributedApplicationException($"the program '{command.FileName}' was not found");
        string[] line = [.. NewSession, program, .. command.Arguments];
        var start = new ProcessStartInfo(line[0], line[1..])
        {
            WorkingDirectory = command.WorkingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment.Clear();
        foreach (var (name, value) in command.Environment)
            start.Environment[name] = value;
        var child = new ChildProcess(new Process { StartInfo = start }, watchdog);
        child.process.Start();
        child.Id = child.process.Id;
        watchdog.Watch(child.Id);
        child.process.StandardInput.Close();
        _ = child.Follow(onLine);
        return child;
    }

    /// <summary>SIGTERM; after the grace period SIGKILL, to all it has started.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        if (OperatingSystem.IsWindows())
            process.Kill(entireProcessTree: true);
        else if (!exited.Task.IsCompleted)
        {
            Signals.Send(Id, Signals.Terminate);
            await Task.WhenAny(exited.Task, Task.Delay(grace));
            if (!exited.Task.IsCompleted)
                Signals.Send(-Id, Signals.Kill);
        }
        await exited.Task;
    }

    private async Task Follow(Action<string, bool> onLine)
    {
        var output = Task.WhenAll(Read(process.StandardOutput, false), Read(process.StandardError, true));
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.Exited += (_, _) => ended.TrySetResult();
        process.EnableRaisingEvents = true;
        await ended.Task;
        var code = process.ExitCode;
        await EndGroup();
        watchdog.Forget(Id);
        // Output that is still open belongs to a process that left the group on purpose: do not wait for it.
        await Task.WhenAny(output, Task.Delay(OutputPatience));
        process.Dispose();
        exited.TrySetResult(code);

        async Task Read(StreamReader reader, bool isError)
        {
            while (await reader.ReadLineAsync() is { } text)
                onLine(text, isError);
        }
    }

    private async Task EndGroup()
    {
        if (OperatingSystem.IsWindows() || NewSession.Length == 0 || !Signals.Send(-Id, Signals.None))
            return;
        Signals.Send(-Id, Signals.Terminate);
        var since = TimeProvider.System.GetTimestamp();
        while (Signals.Send(-Id, Signals.None) && TimeProvider.System.GetElapsedTime(since) < GroupPatience)
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        Signals.Send(-Id, Signals.Kill);
    }

    private static string[] FindNewSession()
    {
        if (OperatingSystem.IsWindows())
            return [];
        if (Programs.Find("setsid", "/") is { } setsid)
            return [setsid];
        // macOS has no setsid(1), but has Perl.
        return Programs.Find("perl", "/") is { } perl ? [perl, "-MPOSIX", "-e", "POSIX::setsid(); exec @ARGV", "--"] : [];
    }
}
