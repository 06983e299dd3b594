using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging;
using Npgsql;

namespace EventShop.Tests.Shop;

/// <summary>A real PgBouncer in transaction mode between the services and PostgreSQL, set up as docs/deploy.md says.</summary>
public sealed class PoolerTests(SharedPostgres postgres)
{
    private const string IgnoreOptions = "ignore_startup_parameters = options";

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "true", "")]
    [InlineData(IgnoreOptions, "false", "Max Auto Prepare=0")]
    public async Task A_shop_behind_PgBouncer_takes_every_order_and_has_it_paid(string pooler, string behindPooler, string settings)
    {
        await using var pgBouncer = await PgBouncer.StartAsync(postgres, pooler);
        await using var shop = await RunningShop.StartAsync(postgres, await NatsServer.StartAsync(), new Dictionary<string, string?>
        {
            ["ConnectionStrings__orders"] = $"{pgBouncer.Through(await CreateDatabaseAsync())};{settings}",
            ["ConnectionStrings__payments"] = $"{pgBouncer.Through(await CreateDatabaseAsync())};{settings}",
            ["Database__BehindPooler"] = behindPooler,
        });
        var answers = new ConcurrentBag<(HttpStatusCode Status, Guid Order)>();

        await Parallel.ForAsync(0, 160, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Cancelled }, async (_, token) =>
        {
            using var answer = await shop.PostAsync(JsonContent.Create(new
            {
                customerId = "c-42",
                items = new[] { new { sku = "SKU-1", quantity = 1 } },
                paymentToken = "tok_ok",
            }));
            var body = await answer.Content.ReadFromJsonAsync<JsonElement>(token);
            answers.Add((answer.StatusCode, body.TryGetProperty("id", out var id) ? id.GetGuid() : Guid.Empty));
        });

        Assert.Equal(160, answers.Count(answer => answer.Status == HttpStatusCode.Created));
        foreach (var (_, order) in answers)
            await Eventually.True("it is paid", async () => await shop.StatusAsync(order) == "Paid", TimeSpan.FromMinutes(1));
        foreach (var service in new[] { shop.OrderService, shop.PaymentService })
            await service.WaitHealthy();
    }

    /// <summary>PgBouncer 1.18 says of a database that is missing only that something is wrong: nobody would make it.</summary>
    private async Task<string> CreateDatabaseAsync()
    {
        var connectionString = postgres.NewDatabase();
        await postgres.ExecuteAsync($"create database {new NpgsqlConnectionStringBuilder(connectionString).Database}");
        return connectionString;
    }
}
