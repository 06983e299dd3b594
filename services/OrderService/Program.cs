using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.Postgres;
using EventShop.ServiceDefaults;
using OrderService;

return await WebServiceHost.RunAsync(args, () =>
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddDatabase("orders", schema: typeof(OrderStore).Assembly);
    builder.Services.AddUnavailableProblems();
    // Messaging has spans and a health check of its own, which know of JetStream and not only of the connection.
    builder.AddNatsClient("nats", nats => (nats.DisableTracing, nats.DisableHealthChecks) = (true, true), options => options.ForMessaging("order-service"));
    builder.AddMessaging(options => options.Source = OrderEvents.Source)
        .Publishes(new StreamDefinition(OrderEvents.Stream, OrderEvents.Subjects))
        .Consumes("order-payments", PaymentEvents.Stream, PaymentEvents.Subjects, StartAt.Beginning, handlers => handlers.From(PaymentEvents.Source)
            .Handle<PaymentSucceeded, SettleOrder>()
            .Handle<PaymentFailed, SettleOrder>()
            .Handle<PaymentRefunded, SettleOrder>())
        .ReviewsDeadLetters<ReviewDeadLetters>();

    builder.AddApiDescription("EventShop orders", "Places orders and tells what became of them.", OrderExamples.AddTo);
    builder.AddRateLimit();
    builder.Services.AddSingleton<OrderFacts>();
    builder.Services.AddSingleton<OrderStore>();
    builder.Services.AddSingleton<PlaceOnceStore>();
    builder.AddIdempotencyKeys();
    builder.AddEventStreams();
    builder.Services.AddSingleton<OrderChanges>();
    builder.Services.AddHostedService(services => services.GetRequiredService<OrderChanges>());
    builder.AddCancellation();
    builder.AddReconciliation();
    builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, OrderJson.Default));

    var app = builder.Build();
    app.UseTrustedProxies();
    app.MapDefaultEndpoints();
    app.UseRateLimiter();
    app.MapOpenApi();
    app.MapDeadLetters();
    app.MapParkedEvents();
    app.MapPost("/orders", PlaceOrder.HandleAsync).WithName("PlaceOrder").RequireRateLimiting(RateLimit.Writes);
    app.MapGet("/orders", ListOrders.HandleAsync).WithName("ListOrders");
    app.MapGet("/orders/{id:guid}", GetOrder.HandleAsync).WithName("GetOrder");
    app.MapGet("/orders/{id:guid}/events", WatchOrder.HandleAsync).WithName("WatchOrder");
    app.MapPost("/orders/{id:guid}/cancel", CancelOrder.HandleAsync).WithName("CancelOrder").RequireRateLimiting(RateLimit.Writes);
    app.MapGet("/products", Catalogue.List).WithName("ListProducts");
    return app;
});
