using EventShop.Contracts;
using EventShop.Messaging;
using PaymentService;

return await ServiceHost.RunAsync(() =>
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddDatabase("payments");
    // Messaging has spans and a health check of its own, which know of JetStream and not only of the connection.
    builder.AddNatsClient("nats", nats => (nats.DisableTracing, nats.DisableHealthChecks) = (true, true), options => options.ForMessaging("payment-service"));
    builder.AddGateway();
    builder.AddMessaging()
        .Publishes(new StreamDefinition(PaymentEvents.Stream, PaymentEvents.Subjects))
        .Consumes("payment-orders", OrderEvents.Stream, OrderCreated.Subject, handlers => handlers
            .Handle<OrderCreated, ChargeOrder>());

    builder.Services.AddSingleton<PaymentStore>();

    var app = builder.Build();
    app.MapDefaultEndpoints();
    app.MapDeadLetters();
    return app;
});
