using System.ComponentModel;
using System.Runtime.InteropServices;

namespace EventShop.Tests.Servers;

/// <summary>POSIX signals to another process.</summary>
internal static class Signals
{
    public const int Terminate = 15;

    /// <summary>Not to be caught, like SIGKILL.</summary>
    public static readonly int Stop = OperatingSystem.IsMacOS() ? 17 : 19;

    public static readonly int Continue = OperatingSystem.IsMacOS() ? 19 : 18;

    public static void Send(int processId, int signal)
    {
        if (Kill(processId, signal) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int processId, int signal);
}
