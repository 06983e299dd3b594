namespace EventShop.AppHost;

internal static class Observability
{
    private const string Variable = "JAEGER_OTLP_ENDPOINT";

    /// <summary>
    /// Tells a service where Jaeger takes traces: the AppHost's own, or what JAEGER_OTLP_ENDPOINT names. It is a variable of its own because
    /// OTEL_EXPORTER_OTLP_ENDPOINT belongs to the Aspire dashboard: the services export to both.
    /// </summary>
    public static IResourceBuilder<ProjectResource> WithJaeger(this IResourceBuilder<ProjectResource> service, EndpointReference? jaeger) =>
        service.ApplicationBuilder.Configuration[Variable] is { Length: > 0 } given ? service.WithEnvironment(Variable, given)
        : jaeger is null ? service
        : service.WithEnvironment(Variable, jaeger);
}
