namespace EventShop.AppHost;

internal static class NatsMonitor
{
    public const string Endpoint = "monitor";

    /// <summary>Healthy once JetStream is, which the monitoring port tells and the client's port does not.</summary>
    public static IResourceBuilder<T> WithMonitor<T>(this IResourceBuilder<T> nats)
        where T : IResourceWithEndpoints => nats
        .WithHttpHealthCheck("/healthz?js-enabled-only=true", endpointName: Endpoint)
        .WithUrlForEndpoint(Endpoint, url => (url.Url, url.DisplayText) = ("/jsz?streams=true&consumers=true", "Streams"))
        .WithUrlForEndpoint("tcp", url => url.DisplayLocation = UrlDisplayLocation.DetailsOnly)
        .WithIconName("MailMultiple");
}
