using System.Diagnostics;
using System.Globalization;

namespace EventShop.Messaging;

/// <summary>
/// Named places at which a test lets a process die. Only a build with <c>-p:FailPoints=true</c> contains the calls; the shop's
/// own has none.
/// </summary>
public static class FailPoint
{
    private static readonly string? Armed;
    private static readonly int At = 1;
    private static int _hits;

    static FailPoint()
    {
        if (Environment.GetEnvironmentVariable("FAILPOINT") is not { Length: > 0 } setting)
            return;
        var parts = setting.Split(':');
        Armed = parts[0];
        if (parts.Length > 1)
            At = int.Parse(parts[1], CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Kills this process (SIGKILL) when the environment variable <c>FAILPOINT</c> is <c>name</c>, or <c>name:n</c> and this is the
    /// n-th time.
    /// </summary>
    [Conditional("FAILPOINTS")]
    public static void Hit(string name)
    {
        if (name != Armed || Interlocked.Increment(ref _hits) < At)
            return;
        using var self = Process.GetCurrentProcess();
        self.Kill();
        // The signal takes a moment to reach every thread: this one must not go on meanwhile.
        using var never = new ManualResetEvent(false);
        never.WaitOne();
    }
}
