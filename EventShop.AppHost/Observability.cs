namespace EventShop.AppHost;

internal static class Observability
{
    private const string Variable = "JAEGER_OTLP_ENDPOINT";

    /// <summary>The server's own arguments replace those of the image, and with them the monitoring port. Published, it stays closed.</summary>
    public static IResourceBuilder<NatsServerResource> WithMonitor(this IResourceBuilder<NatsServerResource> nats) =>
        nats.ApplicationBuilder.ExecutionContext.IsPublishMode ? nats : nats
            .WithArgs("-m", "8222")
            .WithHttpEndpoint(targetPort: 8222, name: "monitor")
            .WithHttpHealthCheck("/healthz?js-enabled-only=true", endpointName: "monitor");

    /// <summary>
    /// Tells a service where Jaeger takes traces: the AppHost's own, or what JAEGER_OTLP_ENDPOINT names. A variable of its own, because
    /// OTEL_EXPORTER_OTLP_ENDPOINT belongs to the Aspire dashboard: the services export to both.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithJaeger(
        this IResourceBuilder<ProjectResource> service, IResourceBuilder<ContainerResource>? jaeger) =>
        service.ApplicationBuilder.Configuration[Variable] is { Length: > 0 } given ? service.WithEnvironment(Variable, given)
        : jaeger is null ? service
        : service.WithEnvironment(Variable, jaeger.GetEndpoint("otlp-grpc"));
}
