using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;
using Npgsql;

namespace EventShop.Tests.Chaos;

/// <summary>
/// PostgreSQL crashes, stalls, freezes, fails over, or refuses whom it knew: what is not stored is never answered 2xx, what cannot be done is
/// 503, and no message pays for it.
/// </summary>
[Trait("Category", "Chaos")]
public sealed class DatabaseTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string?> FewAttempts = new()
    {
        ["Messaging__Consumers__order-payments__MaxAttempts"] = "1",
        ["Messaging__Consumers__payment-orders__MaxAttempts"] = "1",
        ["Messaging__Consumers__payment-cancellations__MaxAttempts"] = "1",
    };

    // One of its own: it is about to be mistreated. Passwords count, but for its superuser's.
    private readonly PostgresServer _postgres = new();
    private readonly string _access = Path.Combine(Path.GetTempPath(), $"eventshop-hba-{Guid.NewGuid():N}");

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(_access, """
            host all,replication postgres 127.0.0.1/32 trust
            host all all 127.0.0.1/32 scram-sha-256
            """);
        _postgres.Settings = [$"hba_file={_access}"];
        await _postgres.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _postgres.DisposeAsync();
        File.Delete(_access);
    }

    [Fact]
    public async Task A_database_that_crashes_and_recovers_has_every_order_that_was_confirmed()
    {
        await using var shop = await ChaosShop.StartAsync(_postgres);

        for (var crash = 0; crash < 2; crash++)
        {
            await shop.Load.MoreAsync(50);
            await _postgres.KillAsync();
            await shop.Load.MoreFailuresAsync(20);
            await _postgres.StartAsync();
        }

        shop.Healed();
        await shop.Load.MoreAsync(50);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task Connections_cut_in_the_middle_of_commits_cost_attempts_and_no_orders()
    {
        await using var shop = await ChaosShop.StartAsync(_postgres);

        for (var cut = 0; cut < 10; cut++)
        {
            await shop.Load.MoreAsync(20);
            Assert.NotEqual(0, await TerminateServicesAsync());
        }

        shop.Healed();
        await shop.Load.MoreAsync(20);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task A_database_that_has_no_connection_left_refuses_orders_and_loses_none()
    {
        await using var shop = await ChaosShop.StartAsync(_postgres);
        await shop.Load.MoreAsync(50);

        var hogs = new List<NpgsqlConnection>();
        var failed = shop.Load.Failures.Values.Sum();
        while (shop.Load.Failures.Values.Sum() < failed + 20)
        {
            await TakeAllAsync(hogs);
            // Its superuser's reserve is taken too: this goes over a connection that is already there.
            await TerminateServicesAsync(hogs[0]);
        }

        foreach (var hog in hogs)
            await hog.DisposeAsync();
        shop.Healed();
        await shop.Load.MoreAsync(50);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Fact]
    public async Task A_database_that_stalls_until_statements_time_out_and_the_pool_is_empty_dead_letters_nothing()
    {
        await using var shop = await ChaosShop.StartAsync(_postgres, new Dictionary<string, string?>
        {
            ["Messaging__Consumers__order-payments__MaxAttempts"] = "2",
            ["Messaging__Consumers__order-payments__RetryDelay"] = "00:00:00.050",
        });
        shop.Shop.Settings["ConnectionStrings__orders"] =
            $"{shop.Shop.OrdersDatabase};Maximum Pool Size=4;Timeout=1;Options=-c statement_timeout=500";
        await shop.ReplaceOrderServiceAsync(process => process.Terminate());
        await shop.Load.MoreAsync(50);

        await using (var connection = new NpgsqlConnection(shop.Shop.OrdersDatabase))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await using var stall = new NpgsqlCommand("lock table orders in access exclusive mode", connection, transaction);
            await stall.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            var readers = Enumerable.Range(0, 8).Select(_ => ReadUntilRefusedAsync(shop)).ToArray();
            await shop.Load.MoreFailuresAsync(30);
            Assert.All(await Task.WhenAll(readers), status => Assert.True(status is 503 or 404, $"{status}"));
        }

        shop.Healed();
        await shop.Load.MoreAsync(50);
        Assert.DoesNotContain("500", shop.Load.Failures.Keys);
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Theory]
    [InlineData("a password that is changed and changed back", "28P01", "alter role shop password 'another'", "alter role shop password 'secret'")]
    [InlineData("a password that has expired", "28P01", "alter role shop valid until 'yesterday'", "alter role shop valid until 'infinity'")]
    [InlineData("a role that may not log in", "28000", "alter role shop nologin", "alter role shop login")]
    [InlineData("a role that may not connect", "42501", "revoke connect on database {db} from public, shop", "grant connect on database {db} to public, shop")]
    [InlineData("no connection left for the role", "53300", "alter role shop connection limit 0", "alter role shop connection limit -1")]
    [InlineData("a database that takes no connections", "55000", "alter database {db} allow_connections false", "alter database {db} allow_connections true")]
    [InlineData("a database that is not there", "3D000", "alter database {db} rename to {db}_away", "alter database {db}_away rename to {db}")]
    public async Task A_database_that_lets_nobody_in_for_a_while_makes_requests_503_and_messages_wait(string fault, string sqlState, string breaks, string mends)
    {
        await using var shop = await StartAsRoleAsync();
        await shop.Load.MoreAsync(20);

        await ForBothAsync(shop, async database =>
        {
            await _postgres.ExecuteAsync($"alter database {database} allow_connections false");
            await _postgres.CutAsync("shop");
            // Those of the tests are not in use.
            NpgsqlConnection.ClearAllPools();
            if (!breaks.Contains("allow_connections", StringComparison.Ordinal))
                await _postgres.ExecuteAsync(breaks.Replace("{db}", database));
            if (!breaks.Contains("rename", StringComparison.Ordinal) && !breaks.Contains("allow_connections", StringComparison.Ordinal))
                await _postgres.ExecuteAsync($"alter database {database} allow_connections true");
        });
        await shop.Load.MoreFailuresAsync(10);
        var told = await Eventually.Value($"{fault} is told", () => DatabaseHealthAsync(shop), check => check.Contains(sqlState, StringComparison.Ordinal));
        Assert.Contains("Unhealthy", told, StringComparison.Ordinal);
        Assert.Equal(503, await ReadUntilRefusedAsync(shop));
        await ForBothAsync(shop, async database =>
        {
            await _postgres.ExecuteAsync(mends.Replace("{db}", database));
            await _postgres.ExecuteAsync($"alter database {database} allow_connections true");
        });

        await AssertOnlyUnavailableAsync(shop);
    }

    [Theory]
    [InlineData("no right to write", "42501", "revoke insert, update, delete on all tables in schema public from shop", "grant all on all tables in schema public to shop")]
    [InlineData("no right to read", "42501", "revoke all on all tables in schema public from shop", "grant all on all tables in schema public to shop")]
    [InlineData("tables that are not there", "42P01", "alter schema public rename to away", "alter schema away rename to public")]
    public async Task A_database_that_lets_the_service_do_nothing_for_a_while_makes_requests_503_and_messages_wait(
        string fault, string sqlState, string breaks, string mends)
    {
        await using var shop = await StartAsRoleAsync();
        await shop.Load.MoreAsync(20);

        await ForBothAsync(shop, database => _postgres.ExecuteAsync(breaks, database));
        await shop.Load.MoreFailuresAsync(10);
        var told = await Eventually.Value($"{fault} is told", () => DatabaseHealthAsync(shop), check => check.Contains(sqlState, StringComparison.Ordinal));
        Assert.Contains("Unhealthy", told, StringComparison.Ordinal);
        await ForBothAsync(shop, database => _postgres.ExecuteAsync(mends, database));

        await AssertOnlyUnavailableAsync(shop);
    }

    [Theory]
    [InlineData("alter role shop set default_transaction_read_only = on", "alter role shop reset default_transaction_read_only")]
    [InlineData("alter database {db} set default_transaction_read_only = on", "alter database {db} reset default_transaction_read_only")]
    [InlineData("alter system set default_transaction_read_only = on", "alter system reset default_transaction_read_only")]
    public async Task A_database_that_was_read_only_takes_orders_again_at_once_when_it_no_longer_is(string breaks, string mends)
    {
        await using var shop = await StartAsRoleAsync();
        await shop.Load.MoreAsync(20);

        await ForBothAsync(shop, database => _postgres.ExecuteAsync(breaks.Replace("{db}", database)));
        await _postgres.ExecuteAsync("select pg_reload_conf()");
        await _postgres.CutAsync("shop");
        await shop.Load.MoreFailuresAsync(20);
        var told = await Eventually.Value("it is told", () => DatabaseHealthAsync(shop), check => check.Contains("25006", StringComparison.Ordinal));
        Assert.Contains("Unhealthy", told, StringComparison.Ordinal);
        // What is there can be read.
        using (var ready = await shop.Shop.OrderService.Client.GetAsync("/ready", TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        // The sessions of before are still there.
        await ForBothAsync(shop, database => _postgres.ExecuteAsync(mends.Replace("{db}", database)));
        await _postgres.ExecuteAsync("select pg_reload_conf()");

        shop.Healed();
        await Eventually.True("no session is read-only any more", async () =>
        {
            var refused = shop.Load.Failures.Values.Sum();
            await shop.Load.MoreAsync(50, TimeSpan.FromSeconds(10));
            return shop.Load.Failures.Values.Sum() == refused;
        }, TimeSpan.FromSeconds(30));
        Assert.Contains("Healthy", await DatabaseHealthAsync(shop), StringComparison.Ordinal);
        Assert.Equal(["503"], shop.Load.Failures.Keys.Where(how => int.TryParse(how, out _)));
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    [Theory]
    [InlineData("127.0.0.1:{port},127.0.0.1:1", "")]
    [InlineData("127.0.0.1:1,127.0.0.1:{port}", ";Target Session Attributes=read-write")]
    [InlineData("127.0.0.1:1,127.0.0.1:{port}", ";Load Balance Hosts=true;Target Session Attributes=any;Host Recheck Seconds=5")]
    public async Task Several_hosts_that_are_all_away_are_one_host_that_is_away(string hosts, string settings)
    {
        await using var shop = await ChaosShop.StartAsync(_postgres, FewAttempts);
        foreach (var (name, database) in new[] { ("orders", shop.Shop.OrdersDatabase), ("payments", shop.Shop.PaymentsDatabase) })
            shop.Shop.Settings[$"ConnectionStrings__{name}"] = new NpgsqlConnectionStringBuilder(database + settings)
            {
                Host = hosts.Replace("{port}", $"{_postgres.Port}"),
            }.ConnectionString;
        await ReplaceServicesAsync(shop);
        await shop.Load.MoreAsync(20);

        await _postgres.KillAsync();
        await shop.Load.MoreFailuresAsync(20);
        Assert.Equal(503, await ReadUntilRefusedAsync(shop));
        Assert.Contains("Unhealthy", await DatabaseHealthAsync(shop), StringComparison.Ordinal);
        var starting = shop.Shop.StartOrderReplicaAsync();
        await shop.Load.MoreFailuresAsync(5);
        Assert.False(starting.IsCompleted, "a start in that time does not wait");
        await _postgres.StartAsync();

        await using var replica = await starting;
        await AssertOnlyUnavailableAsync(shop);
    }

    [Fact]
    public async Task A_failover_to_the_standby_costs_no_order_and_needs_no_restart()
    {
        await using var standby = await _postgres.StartStandbyAsync();
        await using var shop = await RunningShop.StartAsync(_postgres);
        foreach (var (name, database) in new[] { ("orders", shop.OrdersDatabase), ("payments", shop.PaymentsDatabase) })
            shop.Settings[$"ConnectionStrings__{name}"] = new NpgsqlConnectionStringBuilder(database)
            {
                Host = $"127.0.0.1:{_postgres.Port},127.0.0.1:{standby.Port}",
            }.ConnectionString;
        await using (shop.OrderService)
            shop.OrderService = await shop.StartAsync("OrderService");
        await using (shop.PaymentService)
            shop.PaymentService = await shop.StartAsync("PaymentService");
        var orders = new List<Guid> { await shop.PlaceAsync(), await shop.PlaceAsync() };

        await _postgres.KillAsync();
        var refused = await Eventually.Value("orders are refused", () => TryPlaceAsync(shop), status => status != 201);
        await standby.ExecuteAsync("select pg_promote()");
        await Eventually.True("orders are taken", async () => await TryPlaceAsync(shop) == 201, TimeSpan.FromMinutes(1));

        Assert.Equal(503, refused);
        orders.Add(await shop.PlaceAsync());
        foreach (var order in orders)
            await Eventually.True("it is paid", async () => await shop.StatusAsync(order) == "Paid", TimeSpan.FromMinutes(1));
    }

    /// <summary>Nine seconds by the clock, and as long again for a loaded machine; without the limits it is 40.</summary>
    [Fact]
    public async Task A_database_that_is_frozen_is_given_up_after_ten_seconds_and_told_after_one()
    {
        var promised = TimeSpan.FromSeconds(20);
        await using var shop = await RunningShop.StartAsync(_postgres);
        var order = await shop.PlaceAsync();
        // One session for each of those who are about to read.
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => shop.OrderAsync(order)));

        await _postgres.PauseAsync();
        var placing = Enumerable.Range(0, 20).Select(_ => TimeAsync(() => TryPlaceAsync(shop))).ToArray();
        var reading = Enumerable.Range(0, 20).Select(_ => TimeAsync(async () =>
        {
            using var answer = await shop.OrderService.Client.GetAsync($"/orders/{order}");
            return (int)answer.StatusCode;
        })).ToArray();
        var health = await Eventually.Value("it is told", () => TimeAsync(async () =>
        {
            using var answer = await shop.OrderService.Client.GetAsync("/health");
            return (int)answer.StatusCode;
        }), answer => answer.Status == 503);
        var answers = await Task.WhenAll([.. placing, .. reading]);
        await _postgres.ResumeAsync();

        Assert.All(answers, answer => Assert.Equal(503, answer.Status));
        Assert.All(answers, answer => Assert.InRange(answer.Time, TimeSpan.Zero, promised));
        Assert.InRange(health.Time, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        await Eventually.True("orders are taken again", async () => await TryPlaceAsync(shop) == 201);
    }

    private static async Task<int> ReadUntilRefusedAsync(ChaosShop shop)
    {
        using var answer = await shop.Shop.OrderService.Client.GetAsync($"/orders/{Guid.NewGuid()}");
        return (int)answer.StatusCode;
    }

    /// <summary>A shop whose services connect as a role that may only do what services do.</summary>
    private async Task<ChaosShop> StartAsRoleAsync()
    {
        var shop = await ChaosShop.StartAsync(_postgres, FewAttempts);
        await _postgres.ExecuteAsync("create role shop login password 'secret'");
        await ForBothAsync(shop, database => _postgres.ExecuteAsync(
            "grant all on schema public to shop; grant all on all tables in schema public to shop", database));
        foreach (var (name, database) in new[] { ("orders", shop.Shop.OrdersDatabase), ("payments", shop.Shop.PaymentsDatabase) })
            shop.Shop.Settings[$"ConnectionStrings__{name}"] =
                new NpgsqlConnectionStringBuilder(database) { Username = "shop", Password = "secret" }.ConnectionString;
        await ReplaceServicesAsync(shop);
        return shop;
    }

    private static async Task ReplaceServicesAsync(ChaosShop shop)
    {
        await shop.ReplaceOrderServiceAsync(process => process.Terminate());
        await shop.ReplacePaymentServiceAsync(process => process.Terminate());
    }

    private static async Task ForBothAsync(ChaosShop shop, Func<string, Task> action)
    {
        foreach (var database in new[] { shop.Shop.OrdersDatabase, shop.Shop.PaymentsDatabase })
            await action(new NpgsqlConnectionStringBuilder(database).Database!);
    }

    /// <summary>The fault is over: whoever was refused was told to come again, and nothing is a dead letter.</summary>
    private static async Task AssertOnlyUnavailableAsync(ChaosShop shop)
    {
        shop.Healed();
        await shop.Load.MoreAsync(50);
        Assert.Equal(["503"], shop.Load.Failures.Keys.Where(how => int.TryParse(how, out _)));
        await shop.AssertNothingLostAndNothingTwiceAsync();
    }

    private static async Task<string> DatabaseHealthAsync(ChaosShop shop)
    {
        using var answer = await shop.Shop.OrderService.Client.GetAsync("/health");
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("checks").GetProperty("database").ToString();
    }

    private static async Task<int> TryPlaceAsync(RunningShop shop)
    {
        using var answer = await shop.PostAsync(JsonContent.Create(new
        {
            customerId = "c-42",
            items = new[] { new { sku = "SKU-1", quantity = 1 } },
            paymentToken = "tok_ok",
        }));
        return (int)answer.StatusCode;
    }

    private static async Task<(int Status, TimeSpan Time)> TimeAsync(Func<Task<int>> call)
    {
        var started = TimeProvider.System.GetTimestamp();
        var status = await call();
        return (status, TimeProvider.System.GetElapsedTime(started));
    }

    private async Task<long> TerminateServicesAsync(NpgsqlConnection? over = null)
    {
        await using var own = over is null ? new NpgsqlConnection(Admin) : null;
        if (own is not null)
            await own.OpenAsync();
        await using var terminate = new NpgsqlCommand(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name in ('OrderService', 'PaymentService')",
            over ?? own);
        return (long)(await terminate.ExecuteScalarAsync())!;
    }

    private async Task TakeAllAsync(List<NpgsqlConnection> hogs)
    {
        while (true)
        {
            var hog = new NpgsqlConnection(Admin);
            try
            {
                await hog.OpenAsync();
                hogs.Add(hog);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.TooManyConnections)
            {
                await hog.DisposeAsync();
                return;
            }
        }
    }

    private string Admin => $"{_postgres.ConnectionString("postgres")};Pooling=false";
}
