using System.IO.Compression;
using System.Text;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>What an adopter gets: packages, a template, and a test that finds a bug.</summary>
public sealed class PackageTests(Packages packages, SharedPostgres postgres) : IClassFixture<Packages>
{
    private const int MaxLines = 40;

    /// <summary>
    /// Passes a baton on. The first attempt at each always fails, and a baton that is dropped is a dead letter, until that is redriven.
    /// </summary>
    private const string Worker = """
        using System.Text.Json.Serialization;
        using System.Text.Json.Serialization.Metadata;
        using NATS.Client.Core;
        using Npgsql;

        var builder = Host.CreateApplicationBuilder(args);
        builder.AddDatabase("worker");
        builder.Services.AddSingleton<INatsConnection>(new NatsConnection(new NatsOpts { Url = builder.Configuration["Nats"]! }.ForMessaging("worker")));
        builder.AddMessaging().Publishes(new StreamDefinition("BATONS", "batons.>"))
            .Consumes("worker-batons", "BATONS", Baton.Subject, StartAt.Beginning, handlers => handlers.Handle<Baton, Runner>());
        using var host = builder.Build();
        await host.StartAsync();

        var letters = host.Services.GetRequiredService<DeadLetters>();
        while (Runner.Dropped == 0 || (await letters.ListAsync(after: 0, limit: 10, CancellationToken.None)).Count == 0) await Task.Delay(100);
        var redriven = await letters.RedriveAllAsync(CancellationToken.None);
        while (Runner.Finished < 2) await Task.Delay(100);
        await host.StopAsync();
        return redriven is { Redriven: 1, Refused: [] } ? 0 : 1;

        public sealed record Baton(Guid Team, int Laps, bool IsDropped) : IEvent<Baton>
        {
            public static string Type => "race.batons.passed.v1";
            public static string Subject => "batons.passed";
            public static JsonTypeInfo<Baton> Json => BatonJson.Default.Baton;
        }
        [JsonSerializable(typeof(Baton))]
        internal sealed partial class BatonJson : JsonSerializerContext;

        public sealed class Runner(NpgsqlDataSource db, Inbox inbox, Outbox outbox, TimeProvider clock) : IHandle<Baton>
        {
            public static int Finished, Dropped;
            public async Task HandleAsync(Baton baton, MessageContext context, CancellationToken cancellationToken)
            {
                if (baton.IsDropped && Interlocked.Exchange(ref Dropped, 1) == 0) throw new PoisonMessageException("dropped");
                if (context.Attempt == 1) throw new InvalidOperationException("stumbles");
                await using var connection = await db.OpenConnectionAsync(cancellationToken);
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                if (await inbox.TryRecordAsync(transaction, context, cancellationToken) && baton.Laps > 0)
                    await outbox.AppendAsync(transaction, cancellationToken, OutboxEvent.Of(baton with { Laps = baton.Laps - 1 }, baton.Team, clock.GetUtcNow()));
                await transaction.CommitAsync(cancellationToken);
                if (baton.Laps == 0) Interlocked.Increment(ref Finished);
            }
        }
        """;

    [Fact]
    public void A_package_has_its_readme_its_documentation_its_licence_and_its_symbols()
    {
        var libraries = Directory.GetDirectories(Repository.File("libraries")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal);
        Assert.All(libraries, library =>
        {
            Assert.True(File.Exists(Path.Combine(packages.Feed, $"{library}.{packages.Version}.snupkg")), $"{library} has no symbols");
            using var package = ZipFile.OpenRead(Path.Combine(packages.Feed, $"{library}.{packages.Version}.nupkg"));
            Assert.Contains(package.Entries, entry => entry.FullName == $"lib/net10.0/{library}.xml");
            Assert.Contains("<license type=\"expression\">MIT</license>", Text(package, $"{library}.nuspec"), StringComparison.Ordinal);
            Assert.InRange(Text(package, "README.md").Length, 500, 20_000);
        });
    }

    [Fact]
    public async Task A_service_made_from_the_template_passes_its_test()
    {
        var folder = await packages.NewServiceAsync("Billing");

        var (exitCode, output) = await packages.RunAsync(folder, "dotnet", "test", "--nologo");

        Assert.True(exitCode == 0, output);
        Assert.True(File.Exists(Path.Combine(folder, "Billing", "bin", "Debug", "net10.0", "Billing.dll")), output);
        Assert.DoesNotContain(Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText), text => text.Contains("hipping", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_test_of_a_service_made_from_the_template_finds_a_parcel_that_is_sent_twice()
    {
        var folder = await packages.NewServiceAsync("Careless");
        // The bug: that the inbox knows the event makes no difference.
        var handler = Path.Combine(folder, "Careless", "SendParcel.cs");
        var careful = await File.ReadAllTextAsync(handler, TestContext.Current.CancellationToken);
        var careless = careful
            .Replace("if (await inbox.TryRecordAsync(transaction, context, cancellationToken))", "await inbox.TryRecordAsync(transaction, context, cancellationToken);", StringComparison.Ordinal)
            .Replace("values ($1)", "values ($1) on conflict do nothing", StringComparison.Ordinal);
        Assert.DoesNotContain("if (await inbox", careless, StringComparison.Ordinal);
        Assert.Contains("on conflict do nothing", careless, StringComparison.Ordinal);
        await File.WriteAllTextAsync(handler, careless, TestContext.Current.CancellationToken);

        var (exitCode, output) = await packages.RunAsync(folder, "dotnet", "test", "--nologo");

        Assert.True(exitCode != 0, output);
        // It was built, it ran, and what it found is that.
        Assert.True(output.Contains("it is done once", StringComparison.Ordinal) || output.Contains("it is done more than once", StringComparison.Ordinal), output);
    }

    [Fact]
    public async Task A_worker_in_forty_lines_consumes_publishes_retries_dead_letters_and_redrives()
    {
        Assert.InRange(Worker.Split('\n').Count(line => line.Trim().Length > 0), 1, MaxLines);
        var folder = await packages.BuildProgramAsync("Worker", Worker, "EventShop.Messaging", "EventShop.Postgres");
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase("worker");
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);

        var running = packages.RunAsync(folder, "dotnet", "Worker.dll", $"--Nats={nats.Url}", $"--ConnectionStrings:worker={database}");
        foreach (var isDropped in new[] { false, true })
            await Eventually.True("the stream of the worker takes a baton", async () => running.IsCompleted || await PublishAsync(jetStream, isDropped));
        var (exitCode, output) = await running;

        Assert.True(exitCode == 0, output);
        await using var db = NpgsqlDataSource.Create(database);
        // Each of the two batons that came from outside, and the one that followed from it.
        Assert.Equal(4, await CountAsync(db, "inbox"));
        Assert.Equal(2, await CountAsync(db, "outbox"));
        // The redriven one is there once more.
        var batons = await jetStream.GetStreamAsync("BATONS", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(5, batons.Info.State.Messages);
        var letters = await jetStream.GetStreamAsync("DEAD_LETTERS_WORKER", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((0L, 1UL), (letters.Info.State.Messages, letters.Info.State.LastSeq));
        // Twice each, but the one that became a letter.
        var consumer = await jetStream.GetConsumerAsync("BATONS", "worker-batons", TestContext.Current.CancellationToken);
        Assert.Equal(9UL, consumer.Info.Delivered.ConsumerSeq);
    }

    private static async Task<bool> PublishAsync(NatsJSContext jetStream, bool isDropped)
    {
        var body = $$"""{"Team":"{{Guid.NewGuid()}}","Laps":1,"IsDropped":{{(isDropped ? "true" : "false")}}}""";
        var headers = Ping.Headers(headers => headers["ce-type"] = "race.batons.passed.v1");
        return (await jetStream.PublishAsync("batons.passed", Encoding.UTF8.GetBytes(body), headers: headers)).Error is null;
    }

    private static async Task<long> CountAsync(NpgsqlDataSource db, string table)
    {
        await using var command = db.CreateCommand($"select count(*) from {table}");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static string Text(ZipArchive package, string entry)
    {
        using var reader = new StreamReader(package.GetEntry(entry)!.Open());
        return reader.ReadToEnd();
    }
}
