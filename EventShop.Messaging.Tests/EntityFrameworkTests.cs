using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>Handlers that use EF Core: what it throws while PostgreSQL is away has the reason inside.</summary>
public sealed class EntityFrameworkTests : IAsyncLifetime
{
    private const string Options = $"Messaging:Consumers:{TestService.Consumer}";

    // One of its own: it is about to be killed.
    private readonly PostgresServer _postgres = new();

    public ValueTask InitializeAsync() => _postgres.InitializeAsync();

    public ValueTask DisposeAsync() => _postgres.DisposeAsync();

    [Theory]
    [InlineData("saves", typeof(InvalidOperationException))]
    [InlineData("queries", typeof(InvalidOperationException))]
    [InlineData("opens a transaction", typeof(InvalidOperationException))]
    [InlineData("saves what it may not", typeof(DbUpdateException))]
    [InlineData("tries again by itself", typeof(RetryLimitExceededException))]
    [InlineData("does several things at one time", typeof(AggregateException))]
    [InlineData("tries again for longer than it may take", typeof(TaskCanceledException))]
    public async Task While_PostgreSQL_cannot_be_used_a_handler_on_EF_Core_keeps_its_messages_and_their_attempts(string how, Type expected)
    {
        await using var nats = await NatsServer.StartAsync();
        TestService? running = null;
        var thrown = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
        var script = new PingScript
        {
            Handle = async (ping, _, cancellationToken) =>
            {
                try
                {
                    await HandleAsync(how, running!, ping, cancellationToken);
                }
                catch (Exception e)
                {
                    thrown.Enqueue(e);
                    throw;
                }
            },
        };
        await using var service = running = await TestService.StartAsync(nats, _postgres.NewDatabase(), script: script, settings:
            [($"{Options}:MaxAttempts", "1"), ($"{Options}:Workers", "4"), ($"{Options}:HandlerTimeout", how.Contains("longer") ? "00:00:02" : "00:00:30")]);
        await ExecuteAsync(service, "create table pings (id uuid primary key, number int not null)");
        await Eventually.True("it consumes", async () => await service.ConsumerAsync() is not null);
        var database = new NpgsqlConnectionStringBuilder(service.Db.ConnectionString).Database!;
        if (how == "saves what it may not")
            await ReadOnlyAsync(database);
        else
            await _postgres.KillAsync();
        for (var number = 0; number < 4; number++)
            await PublishAsync(service, number);

        await Eventually.True("they were tried again and again", () => script.Attempts.Count >= 8, TimeSpan.FromMinutes(1));
        Assert.Contains(thrown, e => e.GetType() == expected);
        if (how == "saves what it may not")
            await _postgres.ExecuteAsync($"alter database {database} reset default_transaction_read_only");
        else
            await _postgres.StartAsync();

        await Eventually.True("all are handled", async () =>
            await service.ConsumerAsync() is { NumPending: 0, NumAckPending: 0, Delivered.StreamSeq: 4 }, TimeSpan.FromMinutes(1));
        Assert.Equal(4, await service.ScalarAsync<long>("select count(*) from pings"));
        Assert.All(script.Attempts, attempt => Assert.Equal(1, attempt.Attempt));
        Assert.Equal(0, await service.StreamMessagesAsync(TestService.DeadLetters));
    }

    [Fact]
    public async Task What_the_database_says_of_a_row_is_the_messages_fault_also_inside_an_exception_of_EF_Core()
    {
        await using var nats = await NatsServer.StartAsync();
        TestService? running = null;
        var script = new PingScript { Handle = (ping, _, cancellationToken) => HandleAsync("saves", running!, ping, cancellationToken) };
        await using var service = running = await TestService.StartAsync(nats, _postgres.NewDatabase(), script: script, settings: [($"{Options}:MaxAttempts", "1")]);
        await ExecuteAsync(service, "create table pings (id uuid primary key, number int not null check (number > 0))");

        await service.StoreAsync(Ping.Event(0), Ping.Event(1));

        await Eventually.True("the bad one is given up", async () => await service.StreamMessagesAsync(TestService.DeadLetters) == 1);
        await Eventually.True("the good one is stored", async () => await service.ScalarAsync<long>("select count(*) from pings") == 1);
    }

    private static async Task HandleAsync(string how, TestService service, Ping ping, CancellationToken cancellationToken)
    {
        await using var context = new PingContext(service.Db, how switch
        {
            "tries again by itself" => (1, TimeSpan.FromMilliseconds(50)),
            "tries again for longer than it may take" => (6, TimeSpan.FromSeconds(30)),
            _ => null,
        });
        switch (how)
        {
            case "queries":
                await context.Pings.AnyAsync(p => p.Number == ping.Number, cancellationToken);
                break;
            case "opens a transaction":
                await using (await context.Database.BeginTransactionAsync(cancellationToken))
                    break;
            case "does several things at one time":
                var both = Task.WhenAll(
                    context.Pings.CountAsync(cancellationToken),
                    Task.Run(async () =>
                    {
                        await using var second = new PingContext(service.Db, null);
                        await second.Pings.CountAsync(cancellationToken);
                    }, cancellationToken));
                await both.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (both.Exception is { } several)
                    throw several;
                break;
        }
        context.Add(new StoredPing { Id = ping.Id, Number = ping.Number });
        await context.SaveChangesAsync(cancellationToken);
    }

    /// <summary>As a failover to a standby leaves it: who connects may read.</summary>
    private async Task ReadOnlyAsync(string database)
    {
        await _postgres.ExecuteAsync($"alter database {database} set default_transaction_read_only = on");
        await _postgres.CutAsync("postgres");
    }

    private static async Task PublishAsync(TestService service, int number)
    {
        var ping = Ping.Event(number);
        await service.JetStream.PublishAsync(ping.Subject, ping.Payload, headers: new NatsHeaders
        {
            ["ce-specversion"] = "1.0",
            ["ce-source"] = "/tests",
            ["ce-id"] = ping.Id.ToString(),
            ["ce-type"] = ping.Type,
            ["ce-time"] = ping.Time.ToString("O"),
        });
    }

    private static async Task ExecuteAsync(TestService service, string sql)
    {
        await using var command = service.Db.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    private sealed class StoredPing
    {
        public Guid Id { get; init; }

        public int Number { get; init; }
    }

    private sealed class PingContext(NpgsqlDataSource db, (int Count, TimeSpan Delay)? retries) : DbContext
    {
        public DbSet<StoredPing> Pings => Set<StoredPing>();

        protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder) => optionsBuilder.UseNpgsql(db, npgsql =>
        {
            if (retries is (var count, var delay))
                npgsql.EnableRetryOnFailure(count, delay, errorCodesToAdd: null);
        });

        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<StoredPing>(ping =>
        {
            ping.ToTable("pings");
            ping.Property(p => p.Id).HasColumnName("id");
            ping.Property(p => p.Number).HasColumnName("number");
        });
    }
}
