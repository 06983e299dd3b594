using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventShop.ServiceDefaults.Health;

/// <summary><c>{"status":"Healthy","checks":{"nats":{"status":"Healthy","description":"…","durationMs":1.2}}}</c></summary>
internal sealed record HealthBody(string Status, Dictionary<string, HealthBody.Check> Checks)
{
    public static Task Write(HttpContext context, HealthReport report)
    {
        var body = new HealthBody(report.Status.ToString(), report.Entries.ToDictionary(entry => entry.Key, entry => Check.Of(entry.Value)));
        return context.Response.WriteAsJsonAsync(body, HealthJson.Default.HealthBody, cancellationToken: context.RequestAborted);
    }

    internal sealed record Check(string Status, string? Description, double DurationMs)
    {
        public static Check Of(HealthReportEntry entry)
            => new(entry.Status.ToString(), entry.Description, Math.Round(entry.Duration.TotalMilliseconds, 2));
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HealthBody))]
internal sealed partial class HealthJson : JsonSerializerContext;
