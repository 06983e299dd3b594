using System.Text;
using EventShop.Messaging.Testing;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace Shipping.Tests;

public sealed class ShippingTests(SharedPostgres postgres)
{
    private const string Project = "samples/Shipping";

    [Fact]
    public async Task A_paid_order_is_sent_one_parcel_wherever_the_worker_is_killed()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(new("ORDERS", ["orders.>"]), TestContext.Current.CancellationToken);
        var database = postgres.NewDatabase("shipping");
        await postgres.ExecuteAsync($"create database {new NpgsqlConnectionStringBuilder(database).Database}");
        await using var db = NpgsqlDataSource.Create(database);
        var orders = new Dictionary<string, Guid>();

        await KillEverywhere.RunAsync(
            Project,
            new Dictionary<string, string?>
            {
                ["ConnectionStrings__nats"] = nats.Url,
                ["ConnectionStrings__shipping"] = database,
                // What a killed worker had in hand comes again after this: a message, an event.
                ["Messaging__Consumers__shipping-orders__AckWait"] = "00:00:03",
                ["Messaging__Outbox__Claim"] = "00:00:02",
            },
            act: async step => await PublishAsync(jetStream, orders[step] = Guid.NewGuid()),
            check: async _ => await CountAsync(db) == orders.Count
                && (await jetStream.GetStreamAsync("PARCELS")).Info.State.Messages == orders.Count);
    }

    private static async Task PublishAsync(NatsJSContext jetStream, Guid order) => (await jetStream.PublishAsync(
        "orders.paid", Encoding.UTF8.GetBytes($$"""{"orderId":"{{order}}"}"""), headers: new NatsHeaders
        {
            ["ce-specversion"] = "1.0",
            ["ce-id"] = Guid.NewGuid().ToString(),
            ["ce-source"] = "/OrderService",
            ["ce-type"] = "eventshop.orders.paid.v1",
        })).EnsureSuccess();

    private static async Task<long> CountAsync(NpgsqlDataSource db)
    {
        await using var command = db.CreateCommand("select count(*) from parcels");
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
