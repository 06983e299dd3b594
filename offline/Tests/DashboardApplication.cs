using System.Collections.Concurrent;
using System.Diagnostics;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace EventShop.Tests.Offline;

/// <summary>A small application with the AppHost's own page, and one process that tells where its traces go.</summary>
internal sealed class DashboardApplication : IAsyncDisposable
{
    private const string Probe =
        "echo \"otlp=[$OTEL_EXPORTER_OTLP_ENDPOINT] $OTEL_EXPORTER_OTLP_PROTOCOL $OTEL_SERVICE_NAME\"; echo '<b>bold</b>' >&2; exec sleep 600";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly DistributedApplication application;

    private DashboardApplication(DistributedApplication application, string url, string told, IReadOnlyCollection<string> messages)
    {
        this.application = application;
        (Told, Messages) = (told, messages);
        Otlp = told[(told.IndexOf('[') + 1)..told.IndexOf(']')];
        Client = new HttpClient { BaseAddress = new Uri(url), Timeout = Patience };
    }

    /// <summary>On the page's own address.</summary>
    public HttpClient Client { get; }

    /// <summary>The OTLP endpoint the process was given; empty if none.</summary>
    public string Otlp { get; }

    /// <summary>What the process says of its variables.</summary>
    public string Told { get; }

    /// <summary>What the AppHost has logged.</summary>
    public IReadOnlyCollection<string> Messages { get; }

    public static async Task<DashboardApplication> StartAsync(params string[] args)
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
        {
            // Whatever the tests' own environment says of these.
            Args = ["--DcpPublisher:RandomizePorts=true", "--OTEL_EXPORTER_OTLP_ENDPOINT=", "--ASPNETCORE_URLS=", .. args],
            AssemblyName = typeof(Projects.EventShop_AppHost).Assembly.GetName().Name,
        });
        var messages = new Messages();
        builder.Services.AddLogging(logging => logging.ClearProviders().AddProvider(messages));
        AddProbe(builder);
        var application = builder.Build();
        await application.StartAsync(TestContext.Current.CancellationToken);
        var told = await WhatProbeTold(application);
        const string Listening = "Now listening on: ";
        var url = messages.All.Single(m => m.StartsWith(Listening, StringComparison.Ordinal))[Listening.Length..];
        return new DashboardApplication(application, url, told, messages.All);
    }

    public static void AddProbe(IDistributedApplicationBuilder builder) => builder
        .AddExecutable("probe", "sh", ".", "-c", Probe)
        .WithHttpEndpoint(env: "PORT")
        .WithOtlpExporter();

    public static async Task<string> WhatProbeTold(DistributedApplication application)
    {
        var logs = application.Services.GetRequiredService<ResourceLoggerService>();
        await foreach (var lines in logs.WatchAsync("probe").WithCancellation(TestContext.Current.CancellationToken))
            if (lines.FirstOrDefault(line => line.Content.StartsWith("otlp=", StringComparison.Ordinal)).Content is { } told)
                return told;
        throw new InvalidOperationException("The probe ended without a word.");
    }

    /// <summary>Sends what the action traces, with the OpenTelemetry SDK's own exporter.</summary>
    public void Export(string service, Action<ActivitySource> trace, OtlpExportProtocol protocol = OtlpExportProtocol.Grpc)
    {
        Activity.Current = null;
        using var source = new ActivitySource($"dashboard-{Guid.NewGuid():N}");
        using var provider = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(service))
            .AddSource(source.Name)
            .AddOtlpExporter(otlp =>
            {
                otlp.Endpoint = protocol == OtlpExportProtocol.Grpc ? new Uri(Otlp) : new Uri(Client.BaseAddress!, "/v1/traces");
                otlp.Protocol = protocol;
                otlp.TimeoutMilliseconds = (int)Patience.TotalMilliseconds;
            })
            .Build();
        trace(source);
        provider.ForceFlush((int)Patience.TotalMilliseconds);
    }

    /// <summary>The page, once it holds the text.</summary>
    public Task<string> Page(string path, string text) => Eventually.Value(
        $"{path} shows '{text}'",
        async () =>
        {
            using var answer = await Client.GetAsync(path, TestContext.Current.CancellationToken);
            return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        },
        page => page.Contains(text, StringComparison.Ordinal), Patience);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await application.DisposeAsync();
    }
}

internal sealed class Messages : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> all = [];

    public IReadOnlyCollection<string> All => all;

    public ILogger CreateLogger(string categoryName) => this;

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        all.Enqueue(formatter(state, exception));
}
