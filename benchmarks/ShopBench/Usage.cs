using System.Globalization;

namespace ShopBench;

/// <summary>What a process, with those it has started, has used so far, as Linux counts it.</summary>
/// <param name="CpuSeconds">User and system.</param>
/// <param name="WrittenBytes">
/// Handed to <c>write</c> and its kin: what PostgreSQL, which uses <c>send</c> for its connections, writes to files. (What Linux calls
/// <c>write_bytes</c> is no measure: it counts the whole page of the cache that a write falls into, which may be 2 MB.)
/// </param>
internal readonly record struct Usage(double CpuSeconds, long WrittenBytes)
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that .NET runs on.

    /// <summary>Of all of them together.</summary>
    public static Usage Of(IReadOnlyList<int> processIds) => processIds.Select(Of).Aggregate((sum, next) => sum + next);

    private static Usage Of(int processId)
    {
        var (cpu, written) = (0.0, 0L);
        foreach (var id in WithChildren(processId))
            try
            {
                var fields = Stat(id);
                // utime and stime; of the process itself also cutime and cstime: its children that have ended.
                cpu += fields.Skip(11).Take(id == processId ? 4 : 2).Sum(ticks => long.Parse(ticks, CultureInfo.InvariantCulture)) / TicksPerSecond;
                written += Number($"/proc/{id}/io", "wchar:");
            }
            catch (IOException)
            {
                // Ended since it was listed: its parent has counted it.
            }
        return new(cpu, written);
    }

    /// <summary>The most memory it has had resident, in MB; without its children.</summary>
    public static double PeakMB(int processId) => Number($"/proc/{processId}/status", "VmHWM:") / 1024.0;

    /// <summary>The memory it has resident, in MB; without its children.</summary>
    public static double ResidentMB(int processId) => Number($"/proc/{processId}/status", "VmRSS:") / 1024.0;

    /// <summary>The memory it has resident, in MB, where a page that others have mapped too counts by its share; without its children.</summary>
    public static double ProportionalMB(int processId) => Number($"/proc/{processId}/smaps_rollup", "Pss:") / 1024.0;

    public static Usage operator +(Usage one, Usage other) => new(one.CpuSeconds + other.CpuSeconds, one.WrittenBytes + other.WrittenBytes);

    public static Usage operator -(Usage after, Usage before) => new(after.CpuSeconds - before.CpuSeconds, after.WrittenBytes - before.WrittenBytes);

    private static IEnumerable<int> WithChildren(int processId) =>
        from folder in Directory.EnumerateDirectories("/proc")
        where int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out _)
        let id = int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)
        where id == processId || ParentOf(id) == processId
        select id;

    private static int ParentOf(int id)
    {
        try
        {
            return int.Parse(Stat(id)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>From the state on: what is before it may hold spaces.</summary>
    private static string[] Stat(int id)
    {
        var stat = File.ReadAllText($"/proc/{id}/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private static long Number(string file, string name) => long.Parse(
        File.ReadLines(file).First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(),
        CultureInfo.InvariantCulture);
}
