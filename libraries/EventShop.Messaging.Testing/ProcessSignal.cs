using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EventShop.Messaging.Testing;

/// <summary>A POSIX signal; its number differs between Linux and macOS.</summary>
public readonly record struct ProcessSignal(int Linux, int MacOS)
{
    /// <summary>SIGTERM: please end.</summary>
    public static readonly ProcessSignal Terminate = new(15, 15);

    /// <summary>SIGSTOP: freeze.</summary>
    public static readonly ProcessSignal Stop = new(19, 17);

    /// <summary>SIGCONT: go on.</summary>
    public static readonly ProcessSignal Continue = new(18, 19);

    /// <summary>A signal stops one thread after the other: waits until the last has stopped, where the system tells.</summary>
    public static void WaitUntilStopped(Process process, TimeSpan timeout)
    {
        var threads = $"/proc/{process.Id}/task";
        if (Directory.Exists(threads)
            && !SpinWait.SpinUntil(() => Directory.EnumerateDirectories(threads).All(IsStopped), timeout))
        {
            throw new TimeoutException($"Process {process.Id} did not stop");
        }

        static bool IsStopped(string thread)
        {
            // <id> (<name>) <state> …
            var state = File.ReadAllText(Path.Combine(thread, "stat"));
            return state[state.LastIndexOf(')') + 2] == 'T';
        }
    }

    /// <summary>Sends the signal.</summary>
    public void SendTo(Process process) => SendTo(process.Id);

    /// <inheritdoc cref="SendTo(Process)"/>
    public void SendTo(int processId)
    {
        if (Kill(processId, OperatingSystem.IsMacOS() ? MacOS : Linux) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"Signal {this} was not sent to process {processId}");
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int pid, int signal);
}
