using System.Data.Common;
using System.Text.Json;
using System.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.DependencyInjection;
using NATS.Client.JetStream.Models;
using Npgsql;
using Npgsql.EntityFrameworkCore.PostgreSQL.Infrastructure;

namespace EventShop.Messaging.Tests;

/// <summary>Events raised in a <see cref="DbContext"/>: published if and only if their transaction commits, exactly those raised, none twice.</summary>
public sealed class EntityFrameworkOutboxTests(SharedPostgres postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_event_is_saved_and_published_with_the_entity_it_tells_of(bool isAsync)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var context = new PingContext(Options(service));
        var raised = Ping.Event(1);

        context.Add(new StoredPing { Id = raised.Id, Number = 1 });
        context.Raise(raised);
        await SaveAsync(context, isAsync);

        await AssertPublishedAsync(service, 1);
        Assert.Equal(1, await service.ScalarAsync<long>("select count(*) from pings"));
    }

    [Fact]
    public async Task An_event_is_stored_as_the_outbox_stores_it()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        var (appended, raised) = (Full(), Full());

        await using (var connection = await service.Db.OpenConnectionAsync(Cancelled))
        await using (var transaction = await connection.BeginTransactionAsync(Cancelled))
        {
            await service.Outbox.AppendAsync(transaction, Cancelled, appended);
            await transaction.CommitAsync(Cancelled);
        }
        await using var context = new PingContext(Options(service));
        context.Raise(raised);
        await context.SaveChangesAsync(Cancelled);

        await Eventually.True("both are sent", async () => await service.StreamMessagesAsync() == 2 && await service.UnsentAsync() == 0);
        Assert.Equal(1, await service.ScalarAsync<long>(
            "select count(*) from (select distinct to_jsonb(outbox) - 'id' - 'stored_at' from outbox) as content"));
        Assert.Equal(raised.Time, new DateTimeOffset(await service.ScalarAsync<DateTime>($"select time from outbox where id = '{raised.Id}'")));

        static OutboxEvent Full() => Ping.Event(7) with
        {
            Key = "seven",
            Payload = """{ "number": 7 }"""u8.ToArray(),
            Time = new DateTimeOffset(2026, 11, 26, 12, 0, 0, TimeSpan.FromHours(2)),
            TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            TraceState = "a=1",
            Baggage = "b=2",
        };
    }

    [Theory]
    [InlineData("rolled back")]
    [InlineData("left after an exception")]
    public async Task An_event_of_a_transaction_that_does_not_commit_is_never_published(string how)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using (var context = new PingContext(Options(service)))
        {
            var trouble = await Record.ExceptionAsync(async () =>
            {
                await using var transaction = await context.Database.BeginTransactionAsync(Cancelled);
                await AddAsync(context, Ping.Event(1));
                Assert.Equal(1, await context.Set<OutboxEvent>().CountAsync(Cancelled));
                if (how == "rolled back")
                    await transaction.RollbackAsync(Cancelled);
                else
                    throw new TimeoutException("between SaveChanges and the commit");
            });
            Assert.Equal(how == "rolled back" ? null : typeof(TimeoutException), trouble?.GetType());
        }
        await using var next = new PingContext(Options(service));
        await AddAsync(next, Ping.Event(2));

        await AssertPublishedAsync(service, 2);
    }

    [Fact]
    public async Task Two_saves_in_one_transaction_publish_each_event_once_and_none_before_the_commit()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var context = new PingContext(Options(service));

        await using (var transaction = await context.Database.BeginTransactionAsync(Cancelled))
        {
            await AddAsync(context, Ping.Event(1));
            await AddAsync(context, Ping.Event(2), Ping.Event(3));
            await context.SaveChangesAsync(Cancelled);
            // One of another context's is through: the sweep did not see the others.
            await using (var other = new PingContext(Options(service)))
                await AddAsync(other, Ping.Event(4));
            await AssertPublishedAsync(service, 4);
            await transaction.CommitAsync(Cancelled);
        }

        await AssertPublishedAsync(service, 1, 2, 3, 4);
    }

    [Fact]
    public async Task A_save_back_to_a_savepoint_takes_its_event_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var context = new PingContext(Options(service));

        await using (var transaction = await context.Database.BeginTransactionAsync(Cancelled))
        {
            await AddAsync(context, Ping.Event(1));
            await transaction.CreateSavepointAsync("before", Cancelled);
            await AddAsync(context, Ping.Event(2));
            await transaction.RollbackToSavepointAsync("before", Cancelled);
            await transaction.CommitAsync(Cancelled);
        }

        await AssertPublishedAsync(service, 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_save_that_fails_and_is_called_again_publishes_once(bool isInTransaction)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var context = new PingContext(Options(service));
        await using var transaction = isInTransaction ? await context.Database.BeginTransactionAsync(Cancelled) : null;
        var ping = new StoredPing { Id = Guid.NewGuid(), Number = -1 };
        context.Add(ping);
        context.Raise(Ping.Event(1));

        await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync(Cancelled));
        Assert.Equal(0, await service.ScalarAsync<long>("select count(*) from outbox"));
        ping.Number = 1;
        await context.SaveChangesAsync(Cancelled);
        if (transaction is not null)
            await transaction.CommitAsync(Cancelled);

        await AssertPublishedAsync(service, 1);
    }

    [Fact]
    public async Task With_retries_a_connection_that_is_cut_in_the_middle_of_a_save_costs_and_doubles_nothing()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        var cut = new BeforeCommit(async transaction => await KillBackendAsync(transaction));
        await using var context = new PingContext(Options(service, cut, retries: 3));

        await AddAsync(context, Ping.Event(1));

        Assert.Equal(2, cut.Commits);
        await AssertPublishedAsync(service, 1);
        Assert.Equal(1, await service.ScalarAsync<long>("select count(*) from pings"));
    }

    /// <summary>As EF Core's documentation has it: nothing is accepted before the commit, so that the next attempt saves all of it again.</summary>
    [Fact]
    public async Task With_retries_a_connection_that_is_cut_between_save_and_commit_costs_and_doubles_nothing()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        var cut = new BeforeCommit(async transaction => await KillBackendAsync(transaction));
        await using var context = new PingContext(Options(service, cut, retries: 3));
        var raised = Ping.Event(1);
        context.Add(new StoredPing { Id = raised.Id, Number = 1 });
        context.Raise(raised);

        await context.Database.CreateExecutionStrategy().ExecuteAsync(async cancellationToken =>
        {
            await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
            await context.SaveChangesAsync(acceptAllChangesOnSuccess: false, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }, Cancelled);
        context.ChangeTracker.AcceptAllChanges();

        Assert.Equal(2, cut.Commits);
        await AssertPublishedAsync(service, 1);
        Assert.Equal(1, await service.ScalarAsync<long>("select count(*) from pings"));
        await AddAsync(context, Ping.Event(2));
        await AssertPublishedAsync(service, 1, 2);
    }

    [Fact]
    public async Task With_retries_whoever_begins_again_with_an_empty_context_raises_again_and_publishes_once()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        var cut = new BeforeCommit(async transaction => await KillBackendAsync(transaction));
        await using var context = new PingContext(Options(service, cut, retries: 3));

        await context.Database.CreateExecutionStrategy().ExecuteAsync(async cancellationToken =>
        {
            context.ChangeTracker.Clear();
            await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
            await AddAsync(context, Ping.Event(1));
            await transaction.CommitAsync(cancellationToken);
        }, Cancelled);

        Assert.Equal(2, cut.Commits);
        await AssertPublishedAsync(service, 1);
        Assert.Equal(1, await service.ScalarAsync<long>("select count(*) from pings"));
    }

    [Fact]
    public async Task With_retries_a_commit_whose_answer_is_lost_is_not_made_twice()
    {
        await using var nats = await NatsServer.StartAsync();
        // Who saved does not know that there is something to send: that is for the sweep.
        await using var service = await StartAsync(nats, sweepInterval: "00:00:01");
        var lost = new AfterCommit(() => throw new NpgsqlException("the connection is gone", new IOException()));
        await using var context = new PingContext(Options(service, lost, retries: 3));

        await Assert.ThrowsAsync<DbUpdateException>(() => AddAsync(context, Ping.Event(1)));

        Assert.Equal(1, lost.Commits);
        await AssertPublishedAsync(service, 1);
        Assert.Equal(1, await service.ScalarAsync<long>("select count(*) from pings"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_event_of_a_transaction_scope_is_published_if_that_completes(bool completes)
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var context = new PingContext(Options(service));

        using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
        {
            await AddAsync(context, Ping.Event(1));
            if (completes)
                scope.Complete();
        }
        if (completes)
            await AssertPublishedAsync(service, 1);
        await using var next = new PingContext(Options(service));
        await AddAsync(next, Ping.Event(2));

        await AssertPublishedAsync(service, completes ? [1, 2] : [2]);
    }

    [Fact]
    public async Task An_event_of_a_transaction_that_the_application_shares_with_its_own_statements_is_published_at_its_commit()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var connection = await service.Db.OpenConnectionAsync(Cancelled);
        await using var transaction = await connection.BeginTransactionAsync(Cancelled);
        await using var context = new PingContext(new DbContextOptionsBuilder<PingContext>().UseNpgsql(connection).UseOutbox(service.Outbox).Options);
        await context.Database.UseTransactionAsync(transaction, Cancelled);

        await AddAsync(context, Ping.Event(1));
        await transaction.CommitAsync(Cancelled);

        await AssertPublishedAsync(service, 1);
    }

    [Fact]
    public async Task An_event_that_was_raised_and_not_saved_is_not_the_next_users_of_a_pooled_context()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var provider = new ServiceCollection()
            .AddPooledDbContextFactory<PingContext>(options => options.UseNpgsql(service.Db).UseOutbox(service.Outbox), poolSize: 1)
            .BuildServiceProvider();
        var pool = provider.GetRequiredService<IDbContextFactory<PingContext>>();
        DbContext first;
        await using (var context = await pool.CreateDbContextAsync(Cancelled))
        {
            first = context;
            context.Raise(Ping.Event(1));
        }

        await using (var context = await pool.CreateDbContextAsync(Cancelled))
        {
            Assert.Same(first, context);
            await AddAsync(context, Ping.Event(2));
        }

        await AssertPublishedAsync(service, 2);
    }

    [Fact]
    public async Task An_event_with_a_time_is_owed_until_then_and_can_be_taken_back()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var context = new PingContext(Options(service));
        var later = Ping.Event(1) with { DueAt = TimeProvider.System.GetUtcNow().AddHours(1).ToOffset(TimeSpan.FromHours(-5)) };

        await AddAsync(context, later);

        Assert.Equal(1, await service.ScalarAsync<long>(
            "select count(*) from outbox_unsent where due_at = since and due_at between now() + interval '59 minutes' and now() + interval '61 minutes'"));
        Assert.True(await service.Outbox.CancelAsync(later.Id, Cancelled));
        await AssertPublishedAsync(service);
    }

    [Fact]
    public async Task A_handler_that_gets_a_message_twice_saves_and_raises_once()
    {
        await using var nats = await NatsServer.StartAsync();
        TestService? running = null;
        var script = new PingScript
        {
            Handle = async (ping, message, cancellationToken) =>
            {
                if (ping.Number != 1)
                    return;
                await using var context = new PingContext(Options(running!));
                await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
                if (!await running!.Inbox.TryRecordAsync(context, message, cancellationToken))
                    return;
                await AddAsync(context, Ping.Event(2));
                await transaction.CommitAsync(cancellationToken);
            },
        };
        await using var service = running = await StartAsync(nats, script);
        var first = Ping.Event(1);
        for (var delivery = 0; delivery < 2; delivery++)
        {
            var headers = Ping.Headers(headers => headers["ce-id"] = first.Id.ToString());
            await service.JetStream.PublishAsync(first.Subject, first.Payload, headers: headers, cancellationToken: Cancelled);
        }

        await Eventually.True("it was delivered twice", () => script.Handled(1) == 2);
        await Eventually.True("what it raised was delivered", () => script.Handled(2) == 1);
        await AssertPublishedAsync(service, 1, 1, 2);
        Assert.Equal(1, await service.ScalarAsync<long>("select count(*) from pings"));
        Assert.Equal(0, await service.StreamMessagesAsync(TestService.DeadLetters));
    }

    [Fact]
    public async Task What_cannot_be_right_is_refused_with_what_to_do()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        await using var context = new PingContext(Options(service));

        Assert.Contains("BeginTransactionAsync", (await Assert.ThrowsAsync<InvalidOperationException>(() =>
            service.Inbox.TryRecordAsync(context, TestService.Context(Guid.NewGuid()), Cancelled))).Message);

        var twice = Ping.Event(1);
        context.Raise(twice);
        Assert.Throws<InvalidOperationException>(() => context.Raise(twice));

        context.Database.AutoTransactionBehavior = AutoTransactionBehavior.Never;
        Assert.Contains("BeginTransactionAsync", (await Assert.ThrowsAsync<InvalidOperationException>(() => context.SaveChangesAsync(Cancelled))).Message);
        Assert.Contains("BeginTransactionAsync", Assert.Throws<InvalidOperationException>(() => context.SaveChanges()).Message);

        await using var plain = new PingContext(new DbContextOptionsBuilder<PingContext>().UseNpgsql(service.Db).Options);
        Assert.Contains("UseOutbox", Assert.Throws<InvalidOperationException>(() => plain.Raise(Ping.Event(1))).Message);

        await using var elsewhere = new OpinionatedContext(new DbContextOptionsBuilder().UseNpgsql(service.Db).UseOutbox(service.Outbox).Options);
        Assert.Contains("Messaging:Schema", Assert.Throws<InvalidOperationException>(() => elsewhere.Raise(Ping.Event(1))).Message);
        Assert.Equal(0, await service.ScalarAsync<long>("select count(*) from outbox"));
    }

    [Fact]
    public async Task What_a_context_configures_for_all_its_entities_does_not_touch_the_outbox()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats, schema: "messaging");
        await using var context = new OpinionatedContext(new DbContextOptionsBuilder().UseNpgsql(service.Db).UseOutbox(service.Outbox).Options);

        context.Raise(Ping.Event(1), Ping.Event(2) with { DueAt = TimeProvider.System.GetUtcNow() });
        await context.SaveChangesAsync(Cancelled);

        await Eventually.True("both are in the stream", async () => await service.StreamMessagesAsync() == 2);
        await Eventually.True("nothing is owed", async () => await service.ScalarAsync<long>("select count(*) from messaging.outbox_unsent") == 0);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("messaging")]
    public async Task Messagings_tables_are_part_of_a_migration_which_may_be_applied_twice(string? schema)
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        await using var db = NpgsqlDataSource.Create(database);
        await using (var context = NewContext())
        {
            await context.Database.MigrateAsync(Cancelled);
            await context.Database.ExecuteSqlRawAsync("delete from \"__EFMigrationsHistory\"", Cancelled);
            await context.Database.MigrateAsync(Cancelled);
            await context.Database.ExecuteSqlRawAsync("delete from \"__EFMigrationsHistory\"", Cancelled);
            var script = context.GetService<IMigrator>().GenerateScript(options: MigrationsSqlGenerationOptions.Idempotent);
            for (var time = 0; time < 2; time++)
            {
                await using var command = db.CreateCommand(script);
                await command.ExecuteNonQueryAsync(Cancelled);
            }
        }

        // A service that finds a schema other than its own does not start.
        (string, string)[] settings = [("Database:ApplySchema", "false"), ("Database:StartupTimeout", "00:00:01"), .. InSchema(schema)];
        await using var service = await TestService.StartAsync(nats, database, consumes: false, settings: settings);
        await using (var context = NewContext(service.Outbox))
        {
            Assert.False(context.Database.HasPendingModelChanges());
            context.Raise(Ping.Event(1));
            await context.SaveChangesAsync(Cancelled);
        }
        await Eventually.True("it is in the stream", async () => await service.StreamMessagesAsync() == 1);

        DbContext NewContext(Outbox? outbox = null)
        {
            var options = new DbContextOptionsBuilder().UseNpgsql(db);
            if (outbox is not null)
                options.UseOutbox(outbox);
            return schema is null ? new MigratedContext(options.Options) : new MigratedIntoSchemaContext(options.Options);
        }
    }

    [Fact]
    public async Task A_migration_and_the_script_find_what_a_service_has_applied()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await StartAsync(nats);
        var applied = await service.ScalarAsync<long>("select count(*) from schema_versions");
        await using var context = new MigratedContext(new DbContextOptionsBuilder().UseNpgsql(service.Db).Options);

        await context.Database.MigrateAsync(Cancelled);
        await using (var script = service.Db.CreateCommand(MessagingSchema.Script()))
            await script.ExecuteNonQueryAsync(Cancelled);

        Assert.Equal(applied, await service.ScalarAsync<long>("select count(*) from schema_versions"));
    }

    /// <summary>Adds a ping and an event for each, and saves them.</summary>
    private static async Task AddAsync(PingContext context, params OutboxEvent[] events)
    {
        foreach (var e in events)
            context.Add(new StoredPing { Id = e.Id, Number = Number(e.Payload) });
        context.Raise(events);
        await context.SaveChangesAsync(Cancelled);
    }

    private static Task SaveAsync(DbContext context, bool isAsync)
    {
        if (isAsync)
            return context.SaveChangesAsync(Cancelled);
        context.SaveChanges();
        return Task.CompletedTask;
    }

    private static DbContextOptions<PingContext> Options(TestService service, IInterceptor? interceptor = null, int retries = 0)
    {
        var options = new DbContextOptionsBuilder<PingContext>()
            .UseNpgsql(service.Db, npgsql => Retry(npgsql, retries))
            .UseOutbox(service.Outbox);
        return (interceptor is null ? options : options.AddInterceptors(interceptor)).Options;
    }

    private static void Retry(NpgsqlDbContextOptionsBuilder npgsql, int retries)
    {
        if (retries > 0)
            npgsql.EnableRetryOnFailure(retries, TimeSpan.FromMilliseconds(50), errorCodesToAdd: null);
    }

    /// <summary>A service whose sweep does not come in time, unless a test says so: what is published has been told of.</summary>
    private async Task<TestService> StartAsync(NatsServer nats, PingScript? script = null, string? schema = null, string sweepInterval = "00:05:00")
    {
        (string, string)[] settings = [("Messaging:Outbox:SweepInterval", sweepInterval), .. InSchema(schema)];
        var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: script is not null, script: script, settings: settings);
        await using (var command = service.Db.CreateCommand("create table pings (id uuid primary key, number int not null check (number > 0))"))
            await command.ExecuteNonQueryAsync(Cancelled);
        await Eventually.True("it is connected", async () => await service.StreamMessagesAsync() >= 0);
        await Eventually.True("it listens", async () => await service.ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and query = 'listen outbox' and state = 'idle'") == 1);
        return service;
    }

    private static (string, string)[] InSchema(string? schema) => schema is null ? [] : [("Messaging:Schema", schema)];

    /// <summary>Once nothing is owed, the stream has these pings, each once.</summary>
    private static async Task AssertPublishedAsync(TestService service, params int[] expected)
    {
        await Eventually.True("nothing is owed", async () => await service.UnsentAsync() == 0, TimeSpan.FromSeconds(30));
        var stream = await service.JetStream.GetStreamAsync(Ping.Stream.Name, cancellationToken: Cancelled);
        var numbers = new List<int>();
        for (var sequence = 1UL; sequence <= (ulong)stream.Info.State.Messages; sequence++)
        {
            var message = await stream.GetAsync(new StreamMsgGetRequest { Seq = sequence }, Cancelled);
            numbers.Add(Number(message.Message.Data.ToArray()));
        }
        Assert.Equal(expected, numbers.Order());
    }

    private static int Number(byte[] payload) => JsonDocument.Parse(payload).RootElement.GetProperty("number").GetInt32();

    /// <summary>Waits until the backend is gone.</summary>
    private Task KillBackendAsync(DbTransaction transaction) =>
        postgres.ExecuteAsync($"select pg_terminate_backend({((NpgsqlConnection)transaction.Connection!).ProcessID}, 10000)");

    /// <summary>Does something before the first commit.</summary>
    private sealed class BeforeCommit(Func<DbTransaction, Task> first) : DbTransactionInterceptor
    {
        public int Commits { get; private set; }

        public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
            DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
        {
            if (++Commits == 1)
                await first(transaction);
            return result;
        }
    }

    /// <summary>Does something after the first commit.</summary>
    private sealed class AfterCommit(Action first) : DbTransactionInterceptor
    {
        public int Commits { get; private set; }

        public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            if (++Commits == 1)
                first();
            return Task.CompletedTask;
        }
    }

    private sealed class StoredPing
    {
        public Guid Id { get; init; }

        public int Number { get; set; }
    }

    private sealed class PingContext(DbContextOptions<PingContext> options) : DbContext(options)
    {
        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<StoredPing>(ping =>
        {
            ping.ToTable("pings");
            ping.Property(p => p.Id).HasColumnName("id");
            ping.Property(p => p.Number).HasColumnName("number");
        });
    }

    /// <summary>Has its ways of storing things.</summary>
    private sealed class OpinionatedContext(DbContextOptions options) : DbContext(options)
    {
        protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
        {
            configurationBuilder.Properties<DateTimeOffset>().HaveConversion<long>();
            configurationBuilder.Properties<Guid>().HaveConversion<string>();
            configurationBuilder.Properties<string>().HaveMaxLength(3).HaveColumnType("citext");
            configurationBuilder.Properties<byte[]>().HaveConversion<string>();
        }

        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.HasDefaultSchema("opinion");
    }

    private sealed class MigratedContext(DbContextOptions options) : DbContext(options);

    [DbContext(typeof(MigratedContext))]
    [Migration("20260101000000_Messaging")]
    private sealed class AddMessagingMigration : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.AddMessaging();
    }

    private sealed class MigratedIntoSchemaContext(DbContextOptions options) : DbContext(options);

    [DbContext(typeof(MigratedIntoSchemaContext))]
    [Migration("20260101000000_Messaging")]
    private sealed class AddMessagingInSchemaMigration : Migration
    {
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.AddMessaging("messaging");
    }
}
