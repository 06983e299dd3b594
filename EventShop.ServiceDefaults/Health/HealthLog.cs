using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace EventShop.ServiceDefaults.Health;

/// <summary>
/// Logs when what <c>/health</c> says changes, and once a minute while something is wrong, and remembers since when it is. The framework would log
/// every failed check of every probe as an error, also while the service starts.
/// </summary>
internal sealed partial class HealthLog(TimeProvider clock, ILogger<HealthLog> log)
{
    private static readonly TimeSpan Reminder = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _since = [];
    private string? _troubled;
    private long _loggedAt;
    private bool _hasBeenHealthy;

    /// <returns>When this check was first seen to fail, or to be degraded, without a success since; null when it is healthy.</returns>
    public DateTimeOffset? Since(string check, HealthStatus status)
    {
        lock (_lock)
        {
            if (status is HealthStatus.Healthy)
            {
                _since.Remove(check);
                return null;
            }

            if (!_since.TryGetValue(check, out var since))
            {
                var now = clock.GetUtcNow();
                // To the second.
                _since[check] = since = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond));
            }

            return since;
        }
    }

    public void Note(HealthReport report)
    {
        var troubles = report.Entries.Where(entry => entry.Value.Status is not HealthStatus.Healthy).ToArray();
        var troubled = string.Join(' ', troubles.Select(entry => $"{entry.Key}={entry.Value.Status}"));
        lock (_lock)
        {
            var isReminder = troubles.Length > 0 && clock.GetElapsedTime(_loggedAt) >= Reminder;
            // What comes up one by one at a start is one change.
            var isChange = troubled != _troubled && (_hasBeenHealthy || _troubled is null || troubles.Length == 0);
            if (!isReminder && !isChange)
            {
                return;
            }

            (_troubled, _loggedAt) = (troubled, clock.GetTimestamp());
            _hasBeenHealthy |= troubles.Length == 0;
            if (troubles.Length == 0)
            {
                Healthy(log);
            }
            else
            {
                Unhealthy(
                    log, _hasBeenHealthy ? LogLevel.Warning : LogLevel.Information, report.Status, string.Join("; ", troubles.Select(Describe)),
                    troubles.Select(entry => entry.Value.Exception).FirstOrDefault(exception => exception is not null));
            }
        }
    }

    private static string Describe(KeyValuePair<string, HealthReportEntry> entry)
        => $"{entry.Key}: {entry.Value.Description ?? entry.Value.Exception?.Message ?? entry.Value.Status.ToString()}";

    [LoggerMessage(1, LogLevel.Information, "Healthy")]
    private static partial void Healthy(ILogger log);

    [LoggerMessage(EventId = 2, Message = "{Status}: {Troubles}")]
    private static partial void Unhealthy(ILogger log, LogLevel level, HealthStatus status, string troubles, Exception? exception);
}
