using System.Globalization;
using Aspire.Hosting.ApplicationModel;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Dashboard;

/// <summary>A page's content, and what its answer says of it.</summary>
internal sealed record Page(Html Body, int Status = StatusCodes.Status200OK);

/// <summary>What all pages share: the frame, the services' colours, how times are written.</summary>
internal sealed class Layout(IServiceProvider services)
{
    private const int Colours = 8;
    private const long Microsecond = 1_000;
    private const long Millisecond = 1_000 * Microsecond;
    private const long Second = 1_000 * Millisecond;

    private readonly TimeZoneInfo zone = services.GetRequiredService<TimeProvider>().LocalTimeZone;
    private readonly IConfiguration configuration = services.GetRequiredService<IConfiguration>();
    private readonly string application = services.GetRequiredService<IHostEnvironment>().ApplicationName;

    /// <summary>What is started as a process: the rest of the model (parameters, connection strings) is not shown.</summary>
    public IReadOnlyList<IResource> Resources { get; } =
        [.. services.GetRequiredService<DistributedApplicationModel>().Resources.Where(r => r is ExecutableResource or ProjectResource)];

    /// <summary>Where the AppHost's own environment sends the services' traces instead of here.</summary>
    public string? TracesGoTo => configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 } elsewhere ? elsewhere : null;

    public static Task Answer(HttpContext context, Page page)
    {
        context.Response.StatusCode = page.Status;
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync(page.Body.ToString(), context.RequestAborted);
    }

    public Page Page(string title, string section, Html content, int status = StatusCodes.Status200OK) => new(
        $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{title} · {application}</title>
        <link rel="icon" href="data:,"><link rel="stylesheet" href="/dashboard.css"><script src="/dashboard.js" defer></script>
        </head>
        <body>
        <header>
        <strong>{application}</strong>
        <nav aria-label="Pages">{Link("/", "Resources", section)}{Link("/traces", "Traces", section)}</nav>
        <span id="updated" class="muted"></span>
        <button id="pause" type="button" aria-pressed="false" hidden>Pause</button>
        </header>
        <main>
        {content}
        </main>
        </body>
        </html>

        """,
        status);

    public string ColourOf(string service)
    {
        var index = Resources.Index().FirstOrDefault(r => string.Equals(r.Item.Name, service, StringComparison.OrdinalIgnoreCase), (-1, null!)).Index;
        return $"c{(index >= 0 ? index : service.Sum(c => c)) % Colours}";
    }

    public Html Service(string name) => $"""<span class="service {ColourOf(name)}">{name}</span>""";

    /// <param name="nanoseconds">Since 1970.</param>
    public Html Time(long nanoseconds) => Time(DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100));

    public Html Time(DateTimeOffset time)
    {
        var local = TimeZoneInfo.ConvertTime(time, zone);
        return $"""<time datetime="{time.ToString("O", CultureInfo.InvariantCulture)}">{local.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)}</time>""";
    }

    public static string Duration(long nanoseconds) => nanoseconds switch
    {
        < Millisecond => Number(nanoseconds, Microsecond, "0", "µs"),
        < 10 * Millisecond => Number(nanoseconds, Millisecond, "0.00", "ms"),
        < Second => Number(nanoseconds, Millisecond, "0.0", "ms"),
        _ => Number(nanoseconds, Second, "0.00", "s"),
    };

    private static string Number(long value, long unit, string format, string name) =>
        $"{((double)value / unit).ToString(format, CultureInfo.InvariantCulture)} {name}";

    private static Html Link(string path, string text, string section) =>
        $"""<a href="{path}" aria-current="{(text == section ? "page" : "false")}">{text}</a>""";
}
