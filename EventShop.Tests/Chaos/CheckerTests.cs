using System.Net.Http.Json;
using Dapper;
using EventShop.Messaging.Testing;
using Npgsql;

namespace EventShop.Tests.Chaos;

/// <summary>A checker that sees nothing proves nothing: each invariant is broken by hand, and must be told.</summary>
[Trait("Category", "Chaos")]
public sealed class CheckerTests(SharedPostgres postgres)
{
    [Fact]
    public async Task The_checker_tells_each_kind_of_damage_with_the_orders_that_have_it()
    {
        await using var shop = await ChaosShop.StartAsync(postgres);
        await shop.Load.MoreAsync(100);
        shop.Healed();
        await shop.AssertNothingLostAndNothingTwiceAsync();
        var paid = await IdsAsync(shop.Shop.OrdersDatabase, "select id from orders where status = 'Paid' order by id limit 9");

        await DamageAsync("orders", "delete from orders where id = @id", 0, "an order answered 2xx is in the database");
        await DamageAsync("orders", "update orders set status = 'Declined' where id = @id", 1, "an order has the outcome its card gives");
        await DamageAsync("orders", "update orders set status = 'Pending' where id = @id", 2, "an order is settled");
        await DamageAsync("orders", "update orders set history = history || history where id = @id", 3, "its history is");
        await DamageAsync("payments", "delete from payments where order_id = @id", 4, "an order has the payment its status says");
        await DamageAsync("orders", "delete from outbox where key = @id::text", 5, "an order told of its creation and of one outcome, once");
        await DamageAsync("payments", "update outbox set type = 'eventshop.payments.failed.v1' where key = @id::text", 6,
            "a payment told of one outcome");
        await DamageAsync("orders", "update orders set total = total + 1 where id = @id", 7, "the gateway captured a paid order's total");
        await DamageAsync("orders", "update outbox set id = gen_random_uuid() where key = @id::text and type like '%created%'", 8,
            "every event of the outbox is in ORDERS");

        // A second capture under another key, as a service that forgot its key would make it.
        using var charge = new HttpRequestMessage(HttpMethod.Post, "/charges")
        {
            Content = JsonContent.Create(new { orderId = paid[8], amount = 1.00m, currency = "EUR", paymentToken = "tok_ok" }),
        };
        charge.Headers.Add("Idempotency-Key", "another");
        (await shop.Shop.Gateway.Client.SendAsync(charge, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        Assert.Contains(await BrokenAsync(), line => line.StartsWith("the gateway captured at most once", StringComparison.Ordinal));
        Assert.Contains(
            await new Checker(shop.Shop, shop.Broker, shop.Load.Accepted, new Expected(PoisonedWithoutId: 1)).BrokenAsync(),
            line => line.StartsWith("1 dead letters have no event id", StringComparison.Ordinal));

        async Task DamageAsync(string database, string sql, int victim, string invariant)
        {
            Assert.DoesNotContain(await BrokenAsync(), Tells);
            await using var connection = new NpgsqlConnection(
                database == "orders" ? shop.Shop.OrdersDatabase : shop.Shop.PaymentsDatabase);
            await connection.OpenAsync();
            await using var damage = new NpgsqlCommand(sql, connection);
            damage.Parameters.AddWithValue("id", paid[victim]);
            Assert.NotEqual(0, await damage.ExecuteNonQueryAsync());
            Assert.Contains(await BrokenAsync(), Tells);

            bool Tells(string line) => line.StartsWith(invariant, StringComparison.Ordinal) && line.Contains($"{paid[victim]}");
        }

        Task<IReadOnlyList<string>> BrokenAsync() =>
            new Checker(shop.Shop, shop.Broker, shop.Load.Accepted, Expected.Usual).BrokenAsync();
    }

    private static async Task<List<Guid>> IdsAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(database);
        return [.. await connection.QueryAsync<Guid>(sql)];
    }
}
