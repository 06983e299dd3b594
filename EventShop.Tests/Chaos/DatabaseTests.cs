using EventShop.Tests.Servers;
using Npgsql;

namespace EventShop.Tests.Chaos;

/// <summary>PostgreSQL crashes, cuts its connections, has none left, or stalls: what is not stored is never answered 2xx.</summary>
[Trait("Category", "Chaos")]
public sealed class DatabaseTests : IAsyncLifetime
{
    // One of its own: it is about to be mistreated.
    private readonly PostgresServer _postgres = new();

    public ValueTask InitializeAsync() => _postgres.InitializeAsync();

    public ValueTask DisposeAsync() => _postgres.DisposeAsync();

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

    private static async Task<int> ReadUntilRefusedAsync(ChaosShop shop)
    {
        using var answer = await shop.Shop.OrderService.Client.GetAsync($"/orders/{Guid.NewGuid()}");
        return (int)answer.StatusCode;
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
