using EventShop.Hosting;
using EventShop.Messaging;
using EventShop.Postgres;
using NATS.Client.Core;
using Npgsql;
using Shipping;

return await ServiceHost.RunAsync(args, () =>
{
    var builder = Host.CreateApplicationBuilder(args);
    builder.Services.AddNpgsqlDataSource(builder.Configuration.GetConnectionString("shipping")!);
    builder.Services.AddSingleton<INatsConnection>(_ =>
        new NatsConnection(new NatsOpts { Url = builder.Configuration.GetConnectionString("nats")! }.ForMessaging("shipping")));
    builder.Services.AddSingleton(SchemaScripts.EmbeddedIn(typeof(SendParcel).Assembly));
    builder.AddMessaging()
        .Publishes(new StreamDefinition("PARCELS", "parcels.>"))
        .Consumes("shipping-orders", "ORDERS", OrderPaid.Subject, StartAt.Now, handlers => handlers.Handle<OrderPaid, SendParcel>());
    return builder.Build();
});
