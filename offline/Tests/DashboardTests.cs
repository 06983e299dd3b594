using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Aspire.Hosting.Testing;
using OpenTelemetry.Exporter;

namespace EventShop.Tests.Offline;

/// <summary>The AppHost's own page, read as a browser would get it.</summary>
public sealed partial class DashboardTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(OtlpExportProtocol.Grpc)]
    [InlineData(OtlpExportProtocol.HttpProtobuf)]
    public async Task A_trace_is_a_waterfall_across_its_services(OtlpExportProtocol protocol)
    {
        await using var app = await DashboardApplication.StartAsync();
        ActivityContext original = default;
        app.Export("order-service", source => original = Traced(source, "POST /replayed", ActivityKind.Server, default, 0, 5), protocol);
        ActivityContext server = default, client = default;
        app.Export(
            "order-service",
            source => server = Traced(source, "POST /orders", ActivityKind.Server, default, 0, 100, activity => activity
                .SetTag("order.id", "o-1").SetTag("items", 3).SetTag("paid", true).SetTag("total", 44.5).SetTag("skus", new[] { "A", "B" })
                .AddEvent(new ActivityEvent("stored", activity.StartTimeUtc.AddMilliseconds(7)))
                .AddLink(new ActivityLink(original))),
            protocol);
        app.Export(
            "payment-gateway",
            source => client = Traced(source, "POST /charges", ActivityKind.Client, server, 25, 75, activity =>
                activity.SetStatus(ActivityStatusCode.Error, "the card processor hung up")),
            protocol);

        var page = await app.Page($"/traces/{server.TraceId}", "POST /charges");

        var rows = Rows().Matches(page);
        Assert.Equal([$"s{server.SpanId}", $"s{client.SpanId}"], rows.Select(r => r.Groups["id"].Value));
        var (first, second) = (rows[0].Value, rows[1].Value);
        Assert.Contains("order-service", first, StringComparison.Ordinal);
        Assert.Contains("""<rect x="0%" width="100%" """, first, StringComparison.Ordinal);
        Assert.Contains("100.0 ms", first, StringComparison.Ordinal);
        Assert.Contains("<dt>kind</dt><dd>server</dd>", first, StringComparison.Ordinal);
        Assert.Contains("<dt>order.id</dt><dd>o-1</dd>", first, StringComparison.Ordinal);
        Assert.Contains("<dt>items</dt><dd>3</dd>", first, StringComparison.Ordinal);
        Assert.Contains("<dt>paid</dt><dd>true</dd>", first, StringComparison.Ordinal);
        Assert.Contains("<dt>total</dt><dd>44.5</dd>", first, StringComparison.Ordinal);
        Assert.Contains("<dt>skus</dt><dd>[A, B]</dd>", first, StringComparison.Ordinal);
        Assert.Contains("7.00 ms stored</dt>", first, StringComparison.Ordinal);
        Assert.Contains($"""<a href="/traces/{original.TraceId}#s{original.SpanId}">POST /replayed""", first, StringComparison.Ordinal);
        Assert.DoesNotContain("failed", first, StringComparison.Ordinal);
        Assert.Contains("payment-gateway", second, StringComparison.Ordinal);
        Assert.Contains("name d1", second, StringComparison.Ordinal);
        Assert.Contains("""<rect x="25%" width="50%" """, second, StringComparison.Ordinal);
        Assert.Contains("<strong class=\"error\">failed</strong>", second, StringComparison.Ordinal);
        Assert.Contains("<dt>error</dt><dd>the card processor hung up</dd>", second, StringComparison.Ordinal);
        Assert.Contains($"<dt>parent</dt><dd>{server.SpanId}</dd>", second, StringComparison.Ordinal);
        Assert.Contains(
            $"""Linked from <a href="/traces/{server.TraceId}">POST /orders</a>""",
            await app.Page($"/traces/{original.TraceId}", "POST /replayed"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Traces_are_found_by_what_their_spans_say()
    {
        await using var app = await DashboardApplication.StartAsync();
        app.Export("order-service", source =>
        {
            Traced(source, "first", ActivityKind.Server, default, 0, 1, a => a.SetTag("order.id", "o-77"));
            Traced(source, "second", ActivityKind.Server, default, 0, 1, a => a.SetStatus(ActivityStatusCode.Error));
        });
        await app.Page("/traces", ">second</a>");

        Assert.Equal(["first"], Names(await app.Page("/traces?q=O-77", "Duration")));
        Assert.Equal(["second"], Names(await app.Page("/traces?errors=on", "Duration")));
        Assert.Equal(["second", "first"], Names(await app.Page("/traces?q=order-service", "Duration")));
        Assert.Empty(Names(await app.Page("/traces?q=nothing+like+it", "Duration")));
    }

    [Fact]
    public async Task Whatever_is_shown_is_escaped()
    {
        const string Evil = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>";
        await using var app = await DashboardApplication.StartAsync();
        ActivityContext span = default;
        app.Export(Evil, source => span = Traced(source, Evil, ActivityKind.Server, default, 0, 1, a => a
            .SetTag(Evil, Evil).SetStatus(ActivityStatusCode.Error, Evil)
            .AddEvent(new ActivityEvent(Evil, tags: new ActivityTagsCollection { [Evil] = Evil }))));
        await app.Page("/traces", span.TraceId.ToString());

        foreach (var path in (string[])["/traces", $"/traces/{span.TraceId}", $"/traces?q={Uri.EscapeDataString(Evil)}"])
        {
            var page = await app.Page(path, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&gt;&lt;img");
            Assert.DoesNotContain("<script>", page, StringComparison.Ordinal);
            Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(
            "<script>", await app.Page($"/logs/{Uri.EscapeDataString("<script>")}", "&lt;script&gt;"), StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", await app.Page("/logs/probe", "! &lt;b&gt;bold&lt;/b&gt;"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Resources_show_their_state_links_and_output()
    {
        await using var app = await DashboardApplication.StartAsync();

        var page = await app.Page("/", "Healthy");

        Assert.Matches("""<a class="url" href="http://localhost:\d+">""", page);
        Assert.Contains("""<a href="/logs/probe">""", page, StringComparison.Ordinal);
        await app.Page("/logs/probe", "otlp=[");
    }

    [Fact]
    public async Task Processes_are_told_to_send_to_the_page()
    {
        await using var app = await DashboardApplication.StartAsync();

        Assert.Matches(@"^otlp=\[http://localhost:\d+\] grpc probe$", app.Told);
    }

    [Fact]
    public async Task A_collector_in_the_AppHosts_environment_stays_the_target()
    {
        await using var app = await DashboardApplication.StartAsync("--OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318", "--OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf");

        Assert.Equal("otlp=[http://collector:4318] http/protobuf probe", app.Told);
        await app.Page("/traces", "http://collector:4318");
    }

    [Fact]
    public async Task The_testing_builder_has_no_page()
    {
        var builder = DistributedApplicationTestingBuilder.Create("--OTEL_EXPORTER_OTLP_ENDPOINT=");
        DashboardApplication.AddProbe(builder);
        await using var application = await builder.BuildAsync(Token);
        await application.StartAsync(Token);

        Assert.StartsWith("otlp=[]", await DashboardApplication.WhatProbeTold(application));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_and_another_used()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        await using var app = await DashboardApplication.StartAsync(
            $"--ASPNETCORE_URLS=http://localhost:{port}", $"--ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://localhost:{port}");

        Assert.NotEqual(port, app.Client.BaseAddress!.Port);
        Assert.NotEqual(port, new Uri(app.Otlp).Port);
        Assert.Contains(app.Messages, m => m.StartsWith($"Port {port} (ASPNETCORE_URLS) is taken", StringComparison.Ordinal));
        Assert.Contains(app.Messages, m => m.StartsWith($"Port {port} (ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL) is taken", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Only_loopback_is_served_and_only_by_its_own_names()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no 127.0.0.2");
        await using var app = await DashboardApplication.StartAsync();
        using var foreign = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = "shop.example" } };

        using var answer = await app.Client.SendAsync(foreign, Token);
        using var socket = new TcpClient();

        Assert.Equal(HttpStatusCode.MisdirectedRequest, answer.StatusCode);
        foreach (var port in (int[])[app.Client.BaseAddress!.Port, new Uri(app.Otlp).Port])
            await Assert.ThrowsAsync<SocketException>(async () => await socket.ConnectAsync(IPAddress.Parse("127.0.0.2"), port, Token));
    }

    [Fact]
    public async Task A_trace_nobody_sent_is_a_page_that_says_so()
    {
        await using var app = await DashboardApplication.StartAsync();

        using var answer = await app.Client.GetAsync("/traces/0123456789abcdef0123456789abcdef", Token);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains("not held", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    /// <summary>A span from one millisecond to another of the same second for all.</summary>
    private static ActivityContext Traced(
        ActivitySource source, string name, ActivityKind kind, ActivityContext parent, int from, int to, Action<Activity>? more = null)
    {
        var start = DateTime.UnixEpoch.AddSeconds(1_750_000_000);
        using var activity = source.StartActivity(name, kind, parent, startTime: start.AddMilliseconds(from))!;
        more?.Invoke(activity);
        activity.SetEndTime(start.AddMilliseconds(to));
        return activity.Context;
    }

    private static string[] Names(string page) => [.. TraceLinks().Matches(page).Select(m => m.Groups[1].Value)];

    [GeneratedRegex("""<th scope="row"><a href="/traces/[0-9a-f]{32}">([^<]*)</a>""")]
    private static partial Regex TraceLinks();

    [GeneratedRegex("""<details id="(?<id>s[0-9a-f]{16})">.*?</details>""", RegexOptions.Singleline)]
    private static partial Regex Rows();
}
