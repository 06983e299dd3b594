using EventShop.AppHost;
using Microsoft.Extensions.DependencyInjection;

// The shop: one statement per box of the diagram in README.md.
try
{
    var builder = DistributedApplication.CreateBuilder(args);

    // Containers, processes of this machine, or, published, what the target has.
    var infrastructure = builder.AddInfrastructure();

    var nats = infrastructure.AddNats("nats");

    var postgres = infrastructure.AddPostgres("postgres");

    var orders = postgres.AddDatabase("orders");

    var payments = postgres.AddDatabase("payments");

    var jaeger = infrastructure.AddJaeger("jaeger");

    var gateway = builder.AddProject<Projects.PaymentGateway>("payment-gateway")
        .WithDataFile("Gateway__LedgerPath", "gateway-ledger.jsonl", infrastructure.Data)
        .WithJaeger(jaeger)
        .WithHttpHealthCheck("/health")
        .WithIconName("BuildingBank")
        .WithLinks(("Charges", "/charges"), ("Chaos", "/chaos"), ("OpenAPI", "/openapi/v1.json"))
        .WithDownAndUp();

    var paymentService = builder.AddProject<Projects.PaymentService>("payment-service")
        .WithReplicas(infrastructure.Replicas)
        .WithReference(nats).WaitFor(nats)
        .WithReference(payments).WaitFor(payments)
        .WithReference(gateway).WaitFor(gateway)
        .WithJaeger(jaeger)
        .WithHttpHealthCheck("/health")
        .WithIconName("Payment")
        .WithLinks(("OpenAPI", "/openapi/v1.json"))
        .WithRedrive();

    var orderService = builder.AddProject<Projects.OrderService>("order-service")
        .WithReplicas(infrastructure.Replicas)
        .WithExternalHttpEndpoints()
        .WithReference(nats).WaitFor(nats)
        .WithReference(orders).WaitFor(orders)
        .WithJaeger(jaeger)
        .WithHttpHealthCheck("/health")
        .WithIconName("Cart")
        .WithLinks(("Orders API", "/orders"), ("Products", "/products"), ("OpenAPI", "/openapi/v1.json"))
        .WithPlaceOrders()
        .WithRedrive();

    infrastructure.AddPrometheus("prometheus", orderService, paymentService, gateway);

    if (infrastructure.Data is { IsToBeReset: true } data)
    {
        Console.WriteLine(await data.ResetAsync(builder));
        return 0;
    }

    builder.LaunchBinaries().AddPortSettings();
    builder.Services.AddHostedService<Addresses>().AddHostedService<Supervisor>();
    await builder.Build().RunAsync();
    return 0;
}
catch (DistributedApplicationException problem)
{
    // A setting, a port, the data folder or the target: one line says what is wrong, and nothing was started.
    Console.Error.WriteLine(problem.Message);
    return 1;
}
