using System.Text.Json;
using System.Text.RegularExpressions;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Telemetry;

/// <summary>What Prometheus makes of the services' metrics, the alert rules and the dashboard.</summary>
public sealed partial class PrometheusTests(BusyShop busy) : IClassFixture<BusyShop>
{
    private static readonly string[] Alerts =
    [
        "ConsumerLags", "EventsAreParked", "GatewayCircuitIsOpen", "MessagesAreGivenUp", "MessagesAreRetried", "OrdersAreNotSettled",
        "OrdersAreSettledSlowly", "OutboxIsStuck", "PaymentsWait", "RequestsFail", "ServiceDown", "ServiceUnhealthy",
    ];

    [Fact]
    public async Task What_the_services_export_passes_promtool()
    {
        foreach (var service in busy.Services)
            await PassesAsync(await BusyShop.MetricsAsync(service), "check", "metrics");
    }

    [Fact]
    public async Task The_configuration_and_the_alert_rules_pass_promtool_and_the_alerts_fire_when_they_should()
    {
        await PassesAsync("", "check", "config", "prometheus.yml");
        await PassesAsync("", "check", "rules", "alerts.yml");
        await PassesAsync("", "test", "rules", "alerts_test.yml");
    }

    [Fact]
    public async Task Prometheus_scrapes_every_service_and_finds_what_the_alerts_and_the_dashboard_ask_for()
    {
        await using var prometheus = await PrometheusServer.StartAsync([.. busy.Services.Select(service => service.BaseAddress)]);

        await Eventually.True("all targets are up", async () =>
        {
            var targets = (await prometheus.GetAsync("/api/v1/targets")).GetProperty("activeTargets").EnumerateArray().ToArray();
            var errors = string.Join("; ", targets.Select(target => target.GetProperty("lastError").GetString()).Where(error => error != ""));
            return errors == "" ? targets.Length == 3 && targets.All(target => target.GetProperty("health").GetString() == "up") : throw new InvalidDataException(errors);
        }, TracedShop.Patience);
        Assert.All(await prometheus.QueryAsync("up"), up => Assert.Equal("1", up.GetProperty("value")[1].GetString()));

        // Every expression is evaluated, and every metric in it is one that a service exports.
        var rules = (await prometheus.GetAsync("/api/v1/rules")).GetProperty("groups")[0].GetProperty("rules").EnumerateArray().ToArray();
        Assert.Equal(Alerts, rules.Select(rule => rule.GetProperty("name").GetString()).Order());
        var panels = JsonDocument.Parse(await File.ReadAllTextAsync(
            Repository.File("deploy/observability/grafana-dashboard.json"), TestContext.Current.CancellationToken)).RootElement.GetProperty("panels");
        var expressions = rules.Select(rule => rule.GetProperty("query").GetString()!)
            .Concat(panels.EnumerateArray().SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Select(target => target.GetProperty("expr").GetString()!))
            .Select(expression => expression.Replace("$__rate_interval", "1m", StringComparison.Ordinal))
            .ToArray();
        foreach (var expression in expressions)
            await prometheus.QueryAsync(expression);
        foreach (var metric in expressions.SelectMany(expression => MetricName().Matches(Labels().Replace(expression, ""))).Select(match => match.Value).Distinct())
            await Eventually.True($"there is a {metric}", async () => (await prometheus.QueryAsync($"count({metric})")).Length == 1, TracedShop.Patience);
        await Eventually.True("the rules are evaluated", async () => (await prometheus.GetAsync("/api/v1/rules")).GetProperty("groups")[0]
            .GetProperty("rules").EnumerateArray().All(rule => rule.GetProperty("health").GetString() == "ok"), TracedShop.Patience);
    }

    private static async Task PassesAsync(string input, params string[] arguments)
    {
        var (exitCode, output) = await PrometheusServer.PromtoolAsync(input, arguments);
        Assert.True(exitCode == 0, $"promtool {string.Join(' ', arguments)}: {output}");
    }

    [GeneratedRegex(@"\b(eventshop|messaging|payment|http|dotnet)_[a-z_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex(@"by \([^)]*\)|{[^}]*}")]
    private static partial Regex Labels();
}
