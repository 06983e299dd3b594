using System.Text.RegularExpressions;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Telemetry;

/// <summary>docs/telemetry.md says of metrics and health what the running services say.</summary>
public sealed partial class TelemetryPageTests(BusyShop busy) : IClassFixture<BusyShop>
{
    private static readonly string[] Framework = ["http_", "dns_", "kestrel_", "aspnetcore_", "dotnet_", "db_client_", "target_info"];

    private static readonly string Page = File.ReadAllText(Repository.File("docs/telemetry.md"));

    [Fact]
    public async Task It_has_every_metric_of_the_shop_with_its_type_and_labels_and_no_other()
    {
        var documented = MetricRow().Matches(Page).Select(row =>
            $"{row.Groups["name"].Value} {row.Groups["type"].Value}: {Sorted(Code().Matches(row.Groups["labels"].Value).Select(label => label.Groups[1].Value))}");

        var exported = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var service in busy.Services)
        {
            var text = await BusyShop.MetricsAsync(service);
            foreach (Match type in TypeLine().Matches(text))
                if (!Framework.Any(type.Groups["name"].Value.StartsWith))
                    exported.Add($"{type.Groups["name"].Value} {type.Groups["type"].Value}: {LabelsOf(type.Groups["name"].Value, text)}");
        }

        Assert.Equal(exported, documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Labels_have_few_values_and_none_that_a_stranger_chose()
    {
        foreach (var service in busy.Services)
        {
            var text = await BusyShop.MetricsAsync(service);
            Assert.DoesNotContain(BusyShop.UnknownType, text, StringComparison.Ordinal);
            var series = SeriesLine().Matches(text).Where(line => !line.Groups["labels"].Value.Contains("le=\"", StringComparison.Ordinal));
            Assert.All(series.CountBy(line => line.Groups["name"].Value), metric => Assert.InRange(metric.Value, 1, 40));
        }
        Assert.Contains("eventshop_event_type=\"other\"", await BusyShop.MetricsAsync(busy.Shop.OrderService), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_has_every_entry_of_health()
    {
        var documented = HealthRow().Matches(Page).Select(row => row.Groups["name"].Value).Order();

        var entries = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var service in busy.Services)
        {
            var body = System.Text.Json.JsonDocument.Parse(await service.Client.GetStringAsync("/health", TestContext.Current.CancellationToken));
            foreach (var entry in body.RootElement.GetProperty("checks").EnumerateObject())
            {
                entries.Add(entry.Name);
                // The poison waits for an operator.
                var expected = entry.Name == "dead-letters" && service == busy.Shop.OrderService ? "Degraded" : "Healthy";
                Assert.Equal(expected, entry.Value.GetProperty("status").GetString());
                Assert.True(entry.Value.GetProperty("durationMs").GetDouble() >= 0);
            }
        }
        Assert.Equal(entries, documented);
    }

    private static string LabelsOf(string metric, string text) => Sorted(SeriesLine().Matches(text)
        .Where(line => line.Groups["name"].Value is var name && (name == metric || name == $"{metric}_count"))
        .SelectMany(line => Label().Matches(line.Groups["labels"].Value))
        .Select(label => label.Groups[1].Value)
        .Where(label => !label.StartsWith("otel_scope_", StringComparison.Ordinal))
        .Distinct());

    private static string Sorted(IEnumerable<string> names) => string.Join(' ', names.Order(StringComparer.Ordinal));

    [GeneratedRegex(@"^\| `(?<name>[a-z_]+)` \| `[a-z._]+` \| (?<type>counter|gauge|histogram)[^|]*\|(?<labels>[^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex MetricRow();

    [GeneratedRegex(@"^\| `(?<name>[a-z-]+)` \| [a-z, ]+ \| [^|]*\|$", RegexOptions.Multiline)]
    private static partial Regex HealthRow();

    [GeneratedRegex("`([a-z_]+)`")]
    private static partial Regex Code();

    [GeneratedRegex(@"^# TYPE (?<name>\S+) (?<type>\S+)$", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^(?<name>[a-z_0-9]+)\{(?<labels>.*)\} \S+$", RegexOptions.Multiline)]
    private static partial Regex SeriesLine();

    [GeneratedRegex("""([a-z_0-9]+)="(?:[^"\\]|\\.)*"(?:,|$)""")]
    private static partial Regex Label();
}
