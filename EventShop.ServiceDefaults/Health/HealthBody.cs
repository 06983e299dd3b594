using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventShop.ServiceDefaults.Health;

/// <summary>
/// <c>{"status":"Unhealthy","checks":{"nats":{"status":"Unhealthy","description":"…","since":"2026-11-26T08:15:30Z","durationMs":1.2}}}</c>
/// </summary>
internal sealed record HealthBody(string Status, Dictionary<string, HealthBody.Check> Checks)
{
    public static Task Write(HttpContext context, HealthReport report, HealthLog log)
    {
        var body = new HealthBody(
            report.Status.ToString(), report.Entries.ToDictionary(entry => entry.Key, entry => Check.Of(entry.Value, log.Since(entry.Key, entry.Value.Status))));
        return context.Response.WriteAsJsonAsync(body, HealthJson.Default.HealthBody, cancellationToken: context.RequestAborted);
    }

    /// <param name="Since">Since when it is not healthy, as far as anybody has asked.</param>
    internal sealed record Check(string Status, string? Description, DateTimeOffset? Since, double DurationMs)
    {
        public static Check Of(HealthReportEntry entry, DateTimeOffset? since)
            => new(entry.Status.ToString(), entry.Description, since, Math.Round(entry.Duration.TotalMilliseconds, 2));
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HealthBody))]
internal sealed partial class HealthJson : JsonSerializerContext;
