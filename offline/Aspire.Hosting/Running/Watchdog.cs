using System.Diagnostics;

namespace Aspire.Hosting.Running;

/// <summary>
/// A small shell process that outlives the AppHost for a moment: when its input ends, it stops the processes that were
/// still running. So nothing stays behind even after kill -9 of the AppHost.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private const string Script =
        """
        trap '' INT TERM HUP QUIT
        groups=
        while read -r op id; do
          case $op in
            watch) groups="$groups $id" ;;
            forget) rest=; for g in $groups; do [ "$g" = "$id" ] || rest="$rest $g"; done; groups=$rest ;;
          esac
        done
        [ -n "$groups" ] || exit 0
        for g in $groups; do kill -s TERM "$g" 2>/dev/null; done
        n=0
        while [ "$n" -lt 50 ]; do
          alive=
          for g in $groups; do kill -s 0 -- "-$g" 2>/dev/null && alive=1; done
          [ -n "$alive" ] || exit 0
          sleep 0.1
          n=$((n + 1))
        done
        for g in $groups; do kill -s KILL -- "-$g" 2>/dev/null; done
        """;

    private readonly Lock sync = new();
    private Process? shell;

    public void Watch(int processGroup) => Tell($"watch {processGroup}");

    public void Forget(int processGroup) => Tell($"forget {processGroup}");

    public void Dispose()
    {
        lock (sync)
        {
            if (shell is null)
                return;
            shell.StandardInput.Close();
            shell.WaitForExit();
            shell.Dispose();
            shell = null;
        }
    }

    private void Tell(string message)
    {
        if (OperatingSystem.IsWindows())
            return;
        lock (sync)
        {
            shell ??= Start();
            shell.StandardInput.WriteLine(message);
            shell.StandardInput.Flush();
        }
    }

    private static Process Start()
    {
        string[] line = Programs.Find("setsid", "/") is { } setsid ? [setsid, "sh", "-c", Script] : ["sh", "-c", Script];
        return Process.Start(new ProcessStartInfo(line[0], line[1..])
        {
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = "/",
        })!;
    }
}
