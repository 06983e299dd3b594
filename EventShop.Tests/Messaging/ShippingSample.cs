using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.Tests.Servers;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Tests.Messaging;

// sample: begin
// The event: its type, its subject, its JSON.
public sealed record ParcelSent(Guid OrderId, string Carrier) : IEvent<ParcelSent>
{
    public static string Type => "shop.parcels.sent.v1";
    public static string Subject => "parcels.sent";
    public static JsonTypeInfo<ParcelSent> Json => ShippingJson.Default.ParcelSent;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ParcelSent))]
internal sealed partial class ShippingJson : JsonSerializerContext;

// The handler: its effect, the inbox row and the event are one ordinary transaction.
public sealed class SendParcel(NpgsqlDataSource db, Outbox outbox, TimeProvider clock) : IHandle<OrderPaid>
{
    public async Task HandleAsync(OrderPaid message, MessageContext context, CancellationToken cancellationToken)
    {
        await using var connection = await db.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await Inbox.TryRecordAsync(transaction, "shipping-orders", context.EventId, cancellationToken))
            await outbox.AppendAsync(transaction, cancellationToken,
                OutboxEvent.Of(new ParcelSent(message.OrderId, "bicycle"), key: message.OrderId, clock.GetUtcNow()));
        await transaction.CommitAsync(cancellationToken);
    }
}
// sample: end

/// <summary>The library's README shows this file: it compiles, it runs, and the README says the same.</summary>
public sealed class ShippingSample(PostgresServer postgres)
{
    [Fact]
    public async Task A_service_built_after_the_README_handles_an_event_and_publishes_its_own_once()
    {
        await using var broker = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = broker.Url });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(new(OrderEvents.Stream, [OrderEvents.Subjects]), TestContext.Current.CancellationToken);
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:shipping", postgres.NewDatabase("shipping"))]);
        var nats = broker.Url;

        // sample: begin
        // The service.
        builder.AddDatabase("shipping");
        builder.Services.AddSingleton<INatsConnection>(_ => new NatsConnection(new NatsOpts { Url = nats }.ForMessaging("shipping-service")));
        builder.AddMessaging()
            .Publishes(new StreamDefinition("PARCELS", "parcels.>"))
            .Consumes("shipping-orders", from: OrderEvents.Stream, OrderPaid.Subject, handlers => handlers.Handle<OrderPaid, SendParcel>());
        // sample: end

        using var service = builder.Build();
        await service.StartAsync(TestContext.Current.CancellationToken);
        var paid = OutboxEvent.Of(new OrderPaid(Guid.NewGuid(), TimeProvider.System.GetUtcNow()), Guid.NewGuid(), TimeProvider.System.GetUtcNow());
        for (var copy = 0; copy < 3; copy++)
            await jetStream.PublishAsync(paid.Subject, paid.Payload, headers: new NatsHeaders
            {
                ["ce-specversion"] = "1.0",
                ["ce-id"] = paid.Id.ToString(),
                ["ce-source"] = "/order-service",
                ["ce-type"] = paid.Type,
                ["ce-time"] = paid.Time.ToString("O"),
            }, cancellationToken: TestContext.Current.CancellationToken);

        await Eventually.True("all three copies are handled", async () =>
            (await jetStream.GetConsumerAsync(OrderEvents.Stream, "shipping-orders")).Info is { AckFloor.StreamSeq: 3 });
        await Eventually.True("one parcel is sent", async () => (await jetStream.GetStreamAsync("PARCELS")).Info.State.Messages == 1);
        await service.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, (await jetStream.GetStreamAsync("PARCELS", cancellationToken: TestContext.Current.CancellationToken)).Info.State.Messages);
    }

    [Fact]
    public void The_README_shows_this_sample_in_under_forty_lines()
    {
        var shown = Code(File.ReadAllText(Repository.File("EventShop.Messaging/README.md")).Split("```csharp")[1].Split("```")[0]);
        var compiled = Code(string.Join('\n', File.ReadAllText(Repository.File("EventShop.Tests/Messaging/ShippingSample.cs"))
            .Split("// sample: begin\n")[1..].Select(part => part.Split("// sample: end")[0])));

        Assert.Equal(compiled, shown);
        Assert.True(shown.Count(line => !line.StartsWith("//", StringComparison.Ordinal)) < 40, "the sample has grown");
    }

    private static string[] Code(string text) => [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
}
