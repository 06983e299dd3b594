using System.Runtime.InteropServices;

namespace Aspire.Hosting.Running;

internal static class Signals
{
    public const int None = 0;
    public const int Kill = 9;
    public const int Terminate = 15;

    /// <summary>False when there is no such process; a negative id means a process group.</summary>
    public static bool Send(int id, int signal) => kill(id, signal) == 0;

    /// <summary>"exit code 3", or which signal ended it.</summary>
    public static string Describe(int exitCode) => exitCode switch
    {
        130 => "killed by SIGINT",
        134 => "aborted, SIGABRT",
        137 => "killed by SIGKILL",
        139 => "segmentation fault, SIGSEGV",
        143 => "ended by SIGTERM",
        _ => $"exit code {exitCode}",
    };

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
#pragma warning disable SYSLIB1054 // A source-generated import needs unsafe code; two integers do not.
    private static extern int kill(int pid, int signal);
#pragma warning restore SYSLIB1054
}
