using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.Postgres;
using EventShop.ServiceDefaults;
using PaymentService;

return await WebServiceHost.RunAsync(args, () =>
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddDatabase("payments", schema: typeof(PaymentStore).Assembly);
    builder.Services.AddUnavailableProblems();
    // Messaging has spans and a health check of its own, which know of JetStream and not only of the connection.
    builder.AddNatsClient("nats", nats => (nats.DisableTracing, nats.DisableHealthChecks) = (true, true), options => options.ForMessaging("payment-service"));
    builder.AddGateway();
    builder.AddMessaging(options => options.Source = PaymentEvents.Source)
        .Publishes(new StreamDefinition(PaymentEvents.Stream, PaymentEvents.Subjects))
        .Consumes("payment-orders", OrderEvents.Stream, OrderCreated.Subject, StartAt.Beginning, handlers => handlers.From(OrderEvents.Source)
            .Handle<OrderCreated, ChargeOrder>())
        // Consumers of their own: before nats-server 2.10 a consumer has one subject, and keeps the one it was made with.
        .Consumes("payment-cancellations", OrderEvents.Stream, OrderCancelled.Subject, StartAt.Beginning, handlers => handlers.From(OrderEvents.Source)
            .Handle<OrderCancelled, CancelPayment>())
        .Consumes("payment-refunds", OrderEvents.Stream, OrderCancellationRequested.Subject, StartAt.Beginning, handlers => handlers.From(OrderEvents.Source)
            .Handle<OrderCancellationRequested, CancelPayment>())
        .ReviewsDeadLetters<ReviewDeadLetters>();

    builder.AddApiDescription("EventShop payments", "Shows how an order was paid.", PaymentExamples.AddTo);
    builder.Services.AddSingleton<PaymentStore>();
    builder.Services.AddTransient<Refunds>();
    builder.Services.AddHostedService<LateCharges>();
    builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, PaymentJson.Default));

    var app = builder.Build();
    app.MapDefaultEndpoints();
    app.MapOpenApi();
    app.MapDeadLetters();
    app.MapParkedEvents();
    app.MapGet("/payments/{orderId:guid}", GetPayment.HandleAsync).WithName("GetPayment");
    return app;
});
