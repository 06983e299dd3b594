using System.Collections.Concurrent;
using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>A real PgBouncer in transaction mode between a service and PostgreSQL.</summary>
public sealed class PoolerTests(SharedPostgres postgres)
{
    private const string IgnoreOptions = "ignore_startup_parameters = options";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Behind_a_pooler_nobody_listens_and_events_of_an_ordinary_transaction_are_sent_by_the_sweep()
    {
        await using var pgBouncer = await PgBouncer.StartAsync(postgres);
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(
            nats, pgBouncer.Through(await CreateDatabaseAsync()), settings: ("Database:BehindPooler", "true"));

        await using (var connection = await service.Db.OpenConnectionAsync(Cancelled))
        await using (var transaction = await connection.BeginTransactionAsync(Cancelled))
        {
            await service.Outbox.AppendAsync(transaction, Cancelled, Ping.Event(1));
            await transaction.CommitAsync(Cancelled);
        }

        await Eventually.True("it is handled", () => service.Script.Handled(1) == 1);
        Assert.Equal(0, await service.ScalarAsync<long>(
            "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen%'"));
    }

    [Fact]
    public async Task A_service_that_is_not_told_of_a_pooler_finds_its_prepared_statements_taken_which_is_no_messages_fault()
    {
        await using var pgBouncer = await PgBouncer.StartAsync(postgres, IgnoreOptions);
        await using var db = NpgsqlDataSource.Create(pgBouncer.Through(postgres.ConnectionString("postgres")) + ";Max Auto Prepare=32;Auto Prepare Min Usages=2");
        var refused = new ConcurrentBag<Exception>();

        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancelled }, async (n, token) =>
        {
            try
            {
                await using var command = db.CreateCommand($"select @n + {n % 4}").AddValue("n", n);
                await command.ExecuteScalarAsync(token);
            }
            catch (NpgsqlException e)
            {
                refused.Add(e);
            }
        });

        Assert.All(refused, e => Assert.True(e.IsDatabaseUnavailable(), e.Message));
        // From 1.21 on it knows of prepared statements, if it is told to (max_prepared_statements), and from 1.24 on without that.
        Assert.True(pgBouncer.Version >= new Version(1, 21) || !refused.IsEmpty, "every statement succeeded");
    }

    [Fact]
    public async Task What_PgBouncer_itself_refuses_is_no_messages_fault()
    {
        await using var crowded = await PgBouncer.StartAsync(postgres, "max_client_conn = 1");
        await using var busy = await PgBouncer.StartAsync(postgres, "query_wait_timeout = 1", "default_pool_size = 1");
        await using var misled = await PgBouncer.StartAsync(postgres);
        await using var first = new NpgsqlConnection(crowded.Through(postgres.ConnectionString("postgres")) + ";Pooling=false");
        await first.OpenAsync(Cancelled);
        await using var second = new NpgsqlConnection(busy.Through(postgres.ConnectionString("postgres")) + ";Pooling=false");
        await second.OpenAsync(Cancelled);
        await using var transaction = await second.BeginTransactionAsync(Cancelled);
        await using var holds = new NpgsqlCommand("select 1", second, transaction);
        await holds.ExecuteScalarAsync(Cancelled);

        foreach (var (refuses, settings) in new[]
        {
            (crowded, "Pooling=false"), (busy, "Pooling=false"), (misled, "Pooling=false;Options=-c jit=off -c plan_cache_mode=auto"),
        })
        {
            await using var db = NpgsqlDataSource.Create($"{refuses.Through(postgres.ConnectionString("postgres"))};{settings}");
            await using var command = db.CreateCommand("select 1");
            var e = await Assert.ThrowsAnyAsync<NpgsqlException>(() => command.ExecuteScalarAsync(Cancelled));
            Assert.True(e.IsDatabaseUnavailable(), $"{e.SqlState}: {e.Message}");
        }
    }

    /// <summary>PgBouncer 1.18 says of a database that is missing only that something is wrong: nobody would make it.</summary>
    private async Task<string> CreateDatabaseAsync()
    {
        var connectionString = postgres.NewDatabase();
        await postgres.ExecuteAsync($"create database {new NpgsqlConnectionStringBuilder(connectionString).Database}");
        return connectionString;
    }
}
