using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace EventShop.ServiceDefaults.Health;

/// <summary>
/// Logs when what <c>/health</c> says changes, and once a minute while something is wrong, remembers since when it is, and tells it as a metric. The
/// framework would log every failed check of every probe as an error, also while the service starts.
/// </summary>
internal sealed partial class HealthLog : IHealthCheckPublisher, IDisposable
{
    private static readonly TimeSpan Reminder = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _since = [];
    private readonly Dictionary<string, HealthStatus> _last = [];
    private readonly Meter _meter = new("EventShop.ServiceDefaults");
    private readonly TimeProvider _clock;
    private readonly ILogger<HealthLog> _log;
    private string? _troubled;
    private long _loggedAt;
    private bool _hasBeenHealthy;

    public HealthLog(TimeProvider clock, ILogger<HealthLog> log)
    {
        (_clock, _log) = (clock, log);
        _meter.CreateObservableGauge("eventshop.health", Measure, "1", "1 while a health check is healthy, 0.5 while degraded, 0 while unhealthy");
    }

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
                var now = _clock.GetUtcNow();
                // To the second.
                _since[check] = since = now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond));
            }

            return since;
        }
    }

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        Note(report);
        return Task.CompletedTask;
    }

    public void Note(HealthReport report)
    {
        foreach (var (name, entry) in report.Entries)
        {
            Since(name, entry.Status);
        }

        var troubles = report.Entries.Where(entry => entry.Value.Status is not HealthStatus.Healthy).ToArray();
        var troubled = string.Join(' ', troubles.Select(entry => $"{entry.Key}={entry.Value.Status}"));
        lock (_lock)
        {
            foreach (var (name, entry) in report.Entries)
            {
                _last[name] = entry.Status;
            }

            var isReminder = troubles.Length > 0 && _clock.GetElapsedTime(_loggedAt) >= Reminder;
            // What comes up one by one at a start is one change.
            var isChange = troubled != _troubled && (_hasBeenHealthy || _troubled is null || troubles.Length == 0);
            if (!isReminder && !isChange)
            {
                return;
            }

            (_troubled, _loggedAt) = (troubled, _clock.GetTimestamp());
            _hasBeenHealthy |= troubles.Length == 0;
            if (troubles.Length == 0)
            {
                Healthy(_log);
            }
            else
            {
                Unhealthy(
                    _log, _hasBeenHealthy ? LogLevel.Warning : LogLevel.Information, report.Status, string.Join("; ", troubles.Select(Describe)),
                    troubles.Select(entry => entry.Value.Exception).FirstOrDefault(exception => exception is not null));
            }
        }
    }

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<double>> Measure()
    {
        lock (_lock)
        {
            return [.. _last.Select(check => new Measurement<double>(
                check.Value switch { HealthStatus.Healthy => 1, HealthStatus.Degraded => 0.5, _ => 0 },
                new KeyValuePair<string, object?>("eventshop.health.check", check.Key)))];
        }
    }

    private static string Describe(KeyValuePair<string, HealthReportEntry> entry)
        => $"{entry.Key}: {entry.Value.Description ?? entry.Value.Exception?.Message ?? entry.Value.Status.ToString()}";

    [LoggerMessage(1, LogLevel.Information, "Healthy")]
    private static partial void Healthy(ILogger log);

    [LoggerMessage(EventId = 2, Message = "{Status}: {Troubles}")]
    private static partial void Unhealthy(ILogger log, LogLevel level, HealthStatus status, string troubles, Exception? exception);
}
