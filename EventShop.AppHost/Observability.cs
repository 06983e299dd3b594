namespace EventShop.AppHost;

internal static class Observability
{
    /// <summary>
    /// Tells a service where Jaeger takes traces. A variable of its own, because OTEL_EXPORTER_OTLP_ENDPOINT belongs to the
    /// Aspire dashboard: the services export to both.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithJaeger(
        this IResourceBuilder<ProjectResource> service, IResourceBuilder<ContainerResource>? jaeger) =>
        jaeger is null ? service : service.WithEnvironment("JAEGER_OTLP_ENDPOINT", jaeger.GetEndpoint("otlp-grpc"));
}
