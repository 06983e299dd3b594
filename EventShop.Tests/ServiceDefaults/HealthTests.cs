using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventShop.Tests.ServiceDefaults;

public sealed class HealthTests
{
    [Fact]
    public async Task Every_dependency_has_an_entry()
    {
        await using var app = await TestApp.Start(builder => builder.Services.AddHealthChecks()
            .AddCheck("nats", () => HealthCheckResult.Healthy("connected"))
            .AddCheck("outbox", () => HealthCheckResult.Unhealthy("oldest event waits 61 s")));

        var (status, body) = await Get(app, "/health");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("Unhealthy", body.GetProperty("status").GetString());
        var checks = body.GetProperty("checks");
        Assert.Equal("Healthy", checks.GetProperty("self").GetProperty("status").GetString());
        Assert.Equal("connected", checks.GetProperty("nats").GetProperty("description").GetString());
        Assert.Equal("Unhealthy", checks.GetProperty("outbox").GetProperty("status").GetString());
        Assert.True(checks.GetProperty("outbox").GetProperty("durationMs").GetDouble() >= 0);
    }

    [Fact]
    public async Task A_service_whose_dependencies_are_gone_is_alive()
    {
        await using var app = await TestApp.Start(builder => builder.Services.AddHealthChecks()
            .AddCheck("database", () => HealthCheckResult.Unhealthy()));

        var (status, body) = await Get(app, "/alive");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("self", Assert.Single(body.GetProperty("checks").EnumerateObject()).Name);
    }

    [Fact]
    public async Task Ready_are_those_whose_own_dependencies_answer_whatever_else_does_not_get_through()
    {
        var database = HealthCheckResult.Healthy();
        await using var app = await TestApp.Start(builder => builder.Services.AddHealthChecks()
            .AddCheck("outbox", () => HealthCheckResult.Unhealthy())
            .AddCheck("database", () => database, tags: ["ready"]));

        var (status, body) = await Get(app, "/ready");
        database = HealthCheckResult.Unhealthy("gone");
        var (gone, _) = await Get(app, "/ready");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable), (status, gone));
        Assert.Equal(["self", "database"], body.GetProperty("checks").EnumerateObject().Select(check => check.Name));
    }

    [Fact]
    public async Task It_is_told_since_when_something_is_wrong()
    {
        var outbox = HealthCheckResult.Unhealthy();
        await using var app = await TestApp.Start(builder => builder.Services.AddHealthChecks().AddCheck("outbox", () => outbox));

        var before = TimeProvider.System.GetUtcNow().AddSeconds(-1);
        var first = await SinceAsync();
        outbox = HealthCheckResult.Degraded();
        // The next second, if it were told anew.
        await Eventually.True("a second has passed", () => TimeProvider.System.GetUtcNow() > first + TimeSpan.FromSeconds(1));
        var degraded = await SinceAsync();
        outbox = HealthCheckResult.Healthy();
        var healthy = await SinceAsync();
        outbox = HealthCheckResult.Unhealthy();
        var again = await SinceAsync();

        Assert.InRange(first!.Value, before, TimeProvider.System.GetUtcNow());
        Assert.Equal(first, degraded);
        Assert.Null(healthy);
        Assert.True(again > first);

        async Task<DateTimeOffset?> SinceAsync() => (await Get(app, "/health")).Body.GetProperty("checks").GetProperty("outbox")
            .TryGetProperty("since", out var since) ? since.GetDateTimeOffset() : null;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_check_that_hangs_is_unhealthy_after_a_second(bool blocksItsThread)
    {
        using var release = new ManualResetEventSlim();
        await using var app = await TestApp.Start(builder => builder.Services.AddHealthChecks().AddAsyncCheck("database", async () =>
        {
            if (blocksItsThread)
            {
                release.Wait(TimeSpan.FromSeconds(30));
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TestContext.Current.CancellationToken);
            return HealthCheckResult.Healthy();
        }));
        var started = Stopwatch.GetTimestamp();

        var (status, body) = await Get(app, "/health");
        release.Set();

        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(10));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        var database = body.GetProperty("checks").GetProperty("database");
        Assert.Equal("Unhealthy", database.GetProperty("status").GetString());
        Assert.Equal("no answer within 1 s", database.GetProperty("description").GetString());
    }

    [Fact]
    public async Task What_changes_is_logged_and_not_each_probe()
    {
        var log = new CapturedLog();
        var status = HealthStatus.Unhealthy;
        await using var app = await TestApp.Start(builder =>
        {
            builder.Logging.SetMinimumLevel(LogLevel.Information).AddProvider(log);
            builder.Services.AddHealthChecks().AddCheck("nats", () => new HealthCheckResult(status, "not connected"));
        });

        await Probe(3);
        status = HealthStatus.Healthy;
        await Probe(3);
        status = HealthStatus.Unhealthy;
        await Probe(3);
        status = HealthStatus.Healthy;
        await Probe(3);

        Assert.Equal(
            [
                // Nothing is wrong yet: it starts.
                (LogLevel.Information, "Unhealthy: nats: not connected"), (LogLevel.Information, "Healthy"),
                (LogLevel.Warning, "Unhealthy: nats: not connected"), (LogLevel.Information, "Healthy"),
            ],
            log.Entries.Where(entry => entry.Category.Contains("Health", StringComparison.Ordinal)).Select(entry => (entry.Level, entry.Message)));

        async Task Probe(int times)
        {
            for (var n = 0; n < times; n++)
            {
                await Get(app, "/health");
            }
        }
    }

    private static async Task<(HttpStatusCode Status, JsonElement Body)> Get(TestApp app, string path)
    {
        using var answer = await app.Client.GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        return (answer.StatusCode, JsonElement.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }
}
