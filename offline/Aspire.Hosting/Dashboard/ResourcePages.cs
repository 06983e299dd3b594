using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.Dashboard;

/// <summary>The resources with their state, and what each has written.</summary>
internal sealed class ResourcePages(IServiceProvider services, Layout layout)
{
    private const int LinesShown = 500;
    private const int MostOfALine = 4_000;

    private readonly ResourceNotificationService notifications = services.GetRequiredService<ResourceNotificationService>();
    private readonly ResourceLoggerService logs = services.GetRequiredService<ResourceLoggerService>();

    public Page Overview() => layout.Page("Resources", "Resources", $"""
        <h1>Resources</h1>
        <table>
        <thead><tr><th scope="col">Name</th><th scope="col">State</th><th scope="col">Endpoints</th><th scope="col">Started</th><th scope="col">Output</th></tr></thead>
        <tbody>
        {layout.Resources.SelectMany(r => r.InstanceNames().Select(instance => Row(r, instance)))}
        </tbody>
        </table>
        """);

    public Page Log(string name)
    {
        if (layout.Resources.FirstOrDefault(r => string.Equals(r.Name, name, StringComparison.OrdinalIgnoreCase)) is not { } resource)
            return layout.Page("No such resource", "Resources", $"<h1>No resource is called {name}</h1>", StatusCodes.Status404NotFound);
        var lines = logs.Last(resource.Name, LinesShown);
        var omitted = lines.Count > 0 ? lines[0].LineNumber - 1 : 0;
        return layout.Page($"{resource.Name} output", "Resources", $"""
            <h1>Output of {layout.Service(resource.Name)}</h1>
            <p class="muted">{(omitted > 0 ? $"The last {lines.Count} lines; {omitted} earlier ones are not shown." : $"{lines.Count} lines.")}</p>
            <pre id="log" tabindex="0" aria-label="Output">{lines.Select(Line)}</pre>
            """);
    }

    private Html Row(IResource resource, string instance)
    {
        var snapshot = notifications.TryGetCurrentState(instance, out var last) ? last.Snapshot : null;
        Html log = $"""<a href="/logs/{Uri.EscapeDataString(resource.Name)}">Log<span class="visually-hidden"> of {resource.Name}</span></a>""";
        return $"""
            <tr><th scope="row">{layout.Service(resource.Name)}{Replica(resource, instance)}</th><td>{State(snapshot)}</td><td>{(snapshot?.Urls ?? []).Select(Url)}</td><td>{(snapshot?.StartTimeStamp is { } start ? layout.Time(new DateTimeOffset(start, TimeSpan.Zero)) : Html.Nothing)}</td><td>{log}</td></tr>

            """;
    }

    private static Html Replica(IResource resource, string instance) => resource.GetReplicaCount() > 1
        ? $""" <span class="muted">{instance[(resource.Name.Length + 1)..]}</span>"""
        : Html.Nothing;

    private static Html State(CustomResourceSnapshot? snapshot)
    {
        var state = snapshot?.State?.Text ?? "Unknown";
        var failed = state == KnownResourceStates.FailedToStart || snapshot?.ExitCode is not (null or 0);
        var text = snapshot switch
        {
            { HealthStatus: { } health and not HealthStatus.Healthy } => $"{state}, {health.ToString().ToLowerInvariant()}",
            { HealthStatus: HealthStatus.Healthy } => "Healthy",
            { ExitCode: { } code } => $"{state}, exit code {code}",
            _ => state,
        };
        var kind = failed ? "bad" : snapshot?.HealthStatus switch
        {
            HealthStatus.Healthy => "good",
            HealthStatus.Degraded or HealthStatus.Unhealthy => "warn",
            _ => "idle",
        };
        return $"""<span class="state {kind}">{text}</span>{(snapshot?.HealthReports ?? []).Where(r => r.Status is not (null or HealthStatus.Healthy)).Select(Report)}""";
    }

    private static Html Report(HealthReportSnapshot report) =>
        $"""<br><small>{report.Name}: {report.Description ?? report.Status.ToString()}</small>""";

    // The AppHost's model may hold any URL; only what a browser opens as a page is a link.
    private static Html Url(UrlSnapshot url)
    {
        if (Uri.TryCreate(url.Url, UriKind.Absolute, out var parsed) && (parsed.Scheme is "http" or "https"))
            return $"""<a class="url" href="{url.Url}">{url.Url}</a> """;
        return $"""<span class="url">{url.Url}</span> """;
    }

    private static Html Line(LogLine line)
    {
        var (kind, mark) = line.IsErrorMessage ? ("error", "!") : ("", " ");
        var number = line.LineNumber.ToString(CultureInfo.InvariantCulture).PadLeft(6);
        var text = line.Content.Length > MostOfALine ? $"{line.Content[..MostOfALine]} …" : line.Content;
        return $"""
            <span class="{kind}">{number} {mark} {text}</span>

            """;
    }
}
