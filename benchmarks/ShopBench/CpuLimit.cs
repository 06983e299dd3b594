using System.Globalization;

namespace ShopBench;

/// <summary>The part of the machine's CPU that a process may use: what it would have on a smaller machine of its own. A control group of Linux.</summary>
internal sealed class CpuLimit : IDisposable
{
    // Short, so that a process that has used its part waits some milliseconds for the next one.
    private const int PeriodMicros = 10_000;

    private const string Root = "/sys/fs/cgroup";
    private static readonly bool IsUnified = File.Exists($"{Root}/cgroup.controllers");

    /// <summary>Control groups take root.</summary>
    public static bool IsAllowed => Environment.IsPrivilegedProcess && Directory.Exists(IsUnified ? Root : $"{Root}/cpu");

    private readonly string _group = $"{Root}{(IsUnified ? "" : "/cpu")}/shopbench-{Guid.NewGuid():N}";

    /// <param name="processId">The process, which runs already: it was started with the whole machine in view.</param>
    /// <param name="cores">Of one core, for example 0.1.</param>
    public CpuLimit(int processId, double cores)
    {
        var quota = ((int)(cores * PeriodMicros)).ToString(CultureInfo.InvariantCulture);
        if (IsUnified)
            File.WriteAllText($"{Root}/cgroup.subtree_control", "+cpu");
        Directory.CreateDirectory(_group);
        if (IsUnified)
            File.WriteAllText($"{_group}/cpu.max", $"{quota} {PeriodMicros}");
        else
        {
            File.WriteAllText($"{_group}/cpu.cfs_period_us", $"{PeriodMicros}");
            File.WriteAllText($"{_group}/cpu.cfs_quota_us", quota);
        }
        File.WriteAllText($"{_group}/cgroup.procs", $"{processId}");
    }

    /// <summary>Gives the process back what it had.</summary>
    public void Dispose()
    {
        foreach (var processId in File.ReadAllLines($"{_group}/cgroup.procs"))
            File.WriteAllText($"{Root}{(IsUnified ? "" : "/cpu")}/cgroup.procs", processId);
        Directory.Delete(_group);
    }
}
