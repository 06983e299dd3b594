using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Running;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Dashboard;

/// <summary>
/// The AppHost's own page, in place of the real dashboard: resources, their output, and the traces sent to the OTLP endpoint
/// it hosts. On loopback only, and starts nothing: whoever reads it can change nothing.
/// </summary>
internal sealed class DashboardServer(IServiceProvider services) : IHostedService, IAsyncDisposable
{
    /// <summary>Where the AppHost's configuration says, while it runs, that the page's OTLP endpoint is (gRPC).</summary>
    public const string OtlpEndpointKey = "AppHost:Dashboard:OtlpEndpoint";

    private const int Attempts = 3;
    private static readonly string[] Assets = ["dashboard.css", "dashboard.js"];

    private readonly IConfiguration configuration = services.GetRequiredService<IConfiguration>();
    private readonly ILogger logger =
        services.GetRequiredService<ILoggerFactory>().CreateLogger("Aspire.Hosting.DistributedApplication");
    private readonly TraceStore traces = new();
    private WebApplication? web;

    /// <summary>Null until it has started.</summary>
    public string? Url { get; private set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; web is null; attempt++)
        {
            var (page, otlp) = (Port("ASPNETCORE_URLS"), Port("ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"));
            var candidate = Create(page, otlp);
            try
            {
                await candidate.StartAsync(cancellationToken);
                web = candidate;
                Url = $"http://localhost:{page}";
                configuration[OtlpEndpointKey] = $"http://localhost:{otlp}";
            }
            catch (IOException) when (attempt < Attempts)
            {
                // Somebody took one of the ports after it was found free.
                await candidate.DisposeAsync();
            }
        }
        services.GetRequiredService<IDistributedApplicationEventing>().Subscribe<AfterResourcesCreatedEvent>((_, _) =>
        {
            logger.LogInformation("Now listening on: {DashboardUrl}", Url);
            return Task.CompletedTask;
        });
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (web is not null)
            await web.StopAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (web is not null)
            await web.DisposeAsync();
    }

    /// <summary>The port of the URL configured under the key; a free one if there is none, or if it is taken.</summary>
    private int Port(string key)
    {
        var wanted = configuration[key]?.Split(';')
            .Select(url => Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme == Uri.UriSchemeHttp ? parsed.Port : 0)
            .FirstOrDefault(port => port > 0) ?? 0;
        if (wanted > 0 && !Ports.IsTaken(wanted))
            return wanted;
        var free = Ports.Free();
        if (wanted > 0)
            logger.LogWarning("Port {Port} ({Key}) is taken: the dashboard uses {Free} instead.", wanted, key, free);
        return free;
    }

    private WebApplication Create(int page, int otlp)
    {
        // Empty: the AppHost's own settings (URLs, signals, logging) are not this server's.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = OtlpReceiver.MostBytes;
            kestrel.ListenLocalhost(page, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.ListenLocalhost(otlp, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, OwnersLifetime>();
        var app = builder.Build();
        app.Use(Guard);
        new OtlpReceiver(traces).Map(app);
        MapPages(app);
        return app;
    }

    private void MapPages(WebApplication app)
    {
        var layout = new Layout(services);
        var (resources, tracePages) = (new ResourcePages(services, layout), new TracePages(traces, layout));
        app.MapGet("/", context => Layout.Answer(context, resources.Overview()));
        app.MapGet("/logs/{resource}", context => Layout.Answer(context, resources.Log(Value(context, "resource"))));
        app.MapGet("/traces", context => Layout.Answer(
            context, tracePages.List(context.Request.Query["q"].ToString(), context.Request.Query.ContainsKey("errors"))));
        app.MapGet("/traces/{id}", context => Layout.Answer(context, tracePages.Waterfall(Value(context, "id"))));
        foreach (var asset in Assets)
            app.MapGet($"/{asset}", context => SendAsset(context, asset));
    }

    private static string Value(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;

    private static async Task SendAsset(HttpContext context, string name)
    {
        context.Response.ContentType = name.EndsWith(".css", StringComparison.Ordinal) ? "text/css" : "text/javascript";
        await using var content = typeof(DashboardServer).Assembly.GetManifestResourceStream(name)!;
        await content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    /// <summary>Answers to its own names only (a foreign name that resolves to loopback reads nothing), and trusts no script but its own.</summary>
    private static Task Guard(HttpContext context, RequestDelegate next)
    {
        var host = context.Request.Host.Host;
        if (host is not ("localhost" or "127.0.0.1" or "[::1]") && !host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
            return Task.CompletedTask;
        }
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy =
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.CacheControl = "no-store";
        return next(context);
    }

    /// <summary>Signals are the AppHost's to handle, which stops this server last.</summary>
    private sealed class OwnersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
