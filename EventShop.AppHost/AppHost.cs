using EventShop.AppHost;

// The shop, one statement per box of the diagram in DESIGN.md and README.md.
var builder = DistributedApplication.CreateBuilder(args);

if (!InfrastructureOptions.TryRead(builder, out var infrastructure, out var problem))
{
    Console.Error.WriteLine(problem);
    Environment.ExitCode = 1;
    return;
}

IResourceBuilder<IResourceWithConnectionString> nats;
IResourceBuilder<IResourceWithConnectionString> orders;
IResourceBuilder<IResourceWithConnectionString> payments;
IResourceBuilder<ContainerResource>? jaeger = null;

if (infrastructure.Mode is InfrastructureMode.Local)
{
    var local = builder.AddLocalData(infrastructure);

    nats = builder.AddLocalNats("nats", local);

    var postgres = builder.AddLocalPostgres("postgres", local);

    orders = postgres.AddDatabase("orders");

    payments = postgres.AddDatabase("payments");
}
else
{
    nats = builder.AddNats("nats").WithJetStream().WithDataVolume().WithMonitor();

    var postgres = builder.AddPostgres("postgres").WithDataVolume();

    orders = postgres.AddDatabase("orders");

    payments = postgres.AddDatabase("payments");

    // Published, the telemetry goes where the target has a place for it.
    if (builder.ExecutionContext.IsRunMode)
    {
        jaeger = builder.AddContainer("jaeger", "jaegertracing/jaeger", "2.20.0")
            .WithHttpEndpoint(port: 16686, targetPort: 16686, name: "ui")
            .WithEndpoint(targetPort: 4317, scheme: "http", name: "otlp-grpc");

        builder.AddContainer("prometheus", "prom/prometheus", "v3.5.0")
            .WithBindMount("../deploy/observability", "/etc/prometheus", isReadOnly: true)
            .WithContainerRuntimeArgs("--add-host=host.docker.internal:host-gateway")
            .WithHttpEndpoint(port: 9090, targetPort: 9090, name: "ui");
    }
}

var gateway = builder.AddProject<Projects.PaymentGateway>("payment-gateway")
    .WithJaeger(jaeger)
    .WithHttpHealthCheck("/health");

var replicas = builder.ExecutionContext.IsPublishMode ? 2 : 1;

builder.AddProject<Projects.PaymentService>("payment-service")
    .WithReplicas(replicas)
    .WithReference(nats).WaitFor(nats)
    .WithReference(payments).WaitFor(payments)
    .WithReference(gateway).WaitFor(gateway)
    .WithJaeger(jaeger)
    .WithHttpHealthCheck("/health");

builder.AddProject<Projects.OrderService>("order-service")
    .WithReplicas(replicas)
    .WithExternalHttpEndpoints()
    .WithReference(nats).WaitFor(nats)
    .WithReference(orders).WaitFor(orders)
    .WithJaeger(jaeger)
    .WithHttpHealthCheck("/health");

builder.Build().Run();
