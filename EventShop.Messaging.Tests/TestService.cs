using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>A service that publishes and handles pings, on a real broker and a real database.</summary>
public sealed class TestService : IAsyncDisposable
{
    public const string Consumer = "ping-handler";

    /// <summary>The stream of its dead letters.</summary>
    public const string DeadLetters = "DEAD_LETTERS_PING_SERVICE";

    private readonly IHost _host;

    private TestService(IHost host) => _host = host;

    /// <summary>An operator's, if it was started for operators.</summary>
    public HttpClient Client { get; } = new() { Timeout = TimeSpan.FromSeconds(120) };

    public PingScript Script => _host.Services.GetRequiredService<PingScript>();

    public Inbox Inbox => _host.Services.GetRequiredService<Inbox>();

    public Outbox Outbox => _host.Services.GetRequiredService<Outbox>();

    public NpgsqlDataSource Db => _host.Services.GetRequiredService<NpgsqlDataSource>();

    public INatsConnection Connection => _host.Services.GetRequiredService<INatsConnection>();

    public INatsJSContext JetStream => _host.Services.GetRequiredService<INatsJSContext>();

    /// <param name="nats">The broker.</param>
    /// <param name="connectionString">Its database.</param>
    /// <param name="consumes">Whether it handles the pings it publishes.</param>
    /// <param name="script">What the handler does.</param>
    /// <param name="natsUrl">A way to the broker other than its own address.</param>
    /// <param name="stream">The stream of the pings, other than <see cref="Ping.Stream"/>.</param>
    /// <param name="operators">Whether it has the endpoints for operators.</param>
    /// <param name="handlers">What handles the pings; by default <see cref="PingHandler"/>.</param>
    /// <param name="startAt">Where its consumer begins; by default with all there are.</param>
    /// <param name="settings">Configuration, for example <c>("Messaging:Consumers:ping-handler:MaxAttempts", "2")</c>.</param>
    public static async Task<TestService> StartAsync(
        NatsServer nats, string connectionString, bool consumes = true, PingScript? script = null, string? natsUrl = null,
        StreamDefinition? stream = null, bool operators = false, Action<HandlerMap>? handlers = null, StartAt? startAt = null, params (string Key, string Value)[] settings)
    {
        var service = new TestService(Build(nats, connectionString, consumes, script, natsUrl, stream, operators, handlers, startAt, settings));
        await service._host.StartAsync();
        if (service._host is WebApplication app)
            service.Client.BaseAddress = new(app.Urls.First());
        return service;
    }

    /// <summary>Runs a verb of its command line beside it, in a process that is none: a host that is built and not started.</summary>
    /// <returns>The exit code and what it wrote to stdout.</returns>
    public static async Task<(int ExitCode, string Output)> RunCommandAsync(NatsServer nats, string connectionString, params string[] words)
    {
        var host = Build(nats, connectionString);
        await using var disposal = (IAsyncDisposable)host;
        await using var output = new StringWriter();
        var command = host.Services.GetServices<IServiceCommand>().Single(command => command.Name == words[0]);
        return (await command.RunAsync(words[1..], output, TestContext.Current.CancellationToken), output.ToString());
    }

    private static IHost Build(
        NatsServer nats, string connectionString, bool consumes = true, PingScript? script = null, string? natsUrl = null,
        StreamDefinition? stream = null, bool operators = false, Action<HandlerMap>? handlers = null, StartAt? startAt = null, params (string Key, string Value)[] settings)
    {
        var web = operators ? WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "ping-service" }) : null;
        var plain = operators ? null : Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true, ApplicationName = "ping-service" });
        var builder = (IHostApplicationBuilder?)web ?? plain!;
        builder.Configuration.AddInMemoryCollection(
            [new("ConnectionStrings:pings", connectionString), .. settings.Select(s => KeyValuePair.Create<string, string?>(s.Key, s.Value))]);
        if (Environment.GetEnvironmentVariable("PING_LOG") == "1")
            builder.Logging.AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Debug);
        builder.AddDatabase("pings");
        builder.Services.AddSingleton<INatsConnection>(_ => new NatsConnection(new NatsOpts { Url = natsUrl ?? nats.Url }.ForMessaging("ping-service")));
        builder.Services.AddSingleton(script ?? new PingScript());
        var messaging = builder.AddMessaging().Publishes(stream ?? Ping.Stream);
        if (consumes)
            messaging.Consumes(Consumer, Ping.Stream.Name, "pings.>", startAt ?? StartAt.Beginning, handlers ?? (map => map.Handle<Ping, PingHandler>()));
        return web is null ? plain!.Build() : BuildForOperators(web);
    }

    /// <summary>As a handler of the consumer gets it.</summary>
    public static MessageContext Context(Guid eventId) => new()
    {
        EventId = eventId,
        Type = Ping.Type,
        Source = "/tests",
        Time = TimeProvider.System.GetUtcNow(),
        Consumer = Consumer,
        Subject = Ping.Subject,
        Attempt = 1,
    };

    private static WebApplication BuildForOperators(WebApplicationBuilder builder)
    {
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        app.MapDeadLetters();
        return app;
    }

    /// <summary>Stores events the way a service's hot path does: state and event in one statement, handed to the relay at its commit.</summary>
    public async Task<IReadOnlySet<Guid>> StoreAsync(params OutboxEvent[] events)
    {
        await using var command = Db.CreateCommand("select unnest(@key)").AddColumn("key", events, e => e.Key);
        return await Outbox.ApplyAsync(command, events, CancellationToken.None);
    }

    public async Task<long> UnsentAsync() => await ScalarAsync<long>("select count(*) from outbox_unsent where parked_at is null");

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Db.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task<long> StreamMessagesAsync(string stream = "PINGS")
    {
        try
        {
            return (await JetStream.GetStreamAsync(stream)).Info.State.Messages;
        }
        catch (NatsException)
        {
            return -1;
        }
    }

    /// <returns>Null while the consumer does not exist.</returns>
    public async Task<ConsumerInfo?> ConsumerAsync()
    {
        try
        {
            return (await JetStream.GetConsumerAsync("PINGS", Consumer)).Info;
        }
        catch (NatsException)
        {
            return null;
        }
    }

    public async Task<HealthReportEntry> HealthAsync(string check) =>
        (await _host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(r => r.Name == check)).Entries[check];

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
    }
}
