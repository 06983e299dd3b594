using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting;

public static partial class ResourceBuilderExtensions
{
    /// <param name="builder">The resource.</param>
    /// <param name="key">The name of a check registered with <c>builder.Services.AddHealthChecks()</c>.</param>
    public static IResourceBuilder<T> WithHealthCheck<T>(this IResourceBuilder<T> builder, string key) where T : IResource =>
        builder.Resource.Annotations.OfType<HealthCheckAnnotation>().Any(a => a.Key == key)
            ? throw new DistributedApplicationException(
                $"Resource '{builder.Resource.Name}' already has a health check with key '{key}'.")
            : builder.WithAnnotation(new HealthCheckAnnotation(key));

    /// <summary>Healthy while GET <paramref name="path"/> answers with the status code (200).</summary>
    public static IResourceBuilder<T> WithHttpHealthCheck<T>(
        this IResourceBuilder<T> builder, string? path = null, int? statusCode = null, string? endpointName = null)
        where T : IResourceWithEndpoints => builder.WithHttpHealthCheck(
            () => endpointName is not null ? builder.GetEndpoint(endpointName) : builder.HttpEndpoint(), path, statusCode);

    public static IResourceBuilder<T> WithHttpHealthCheck<T>(
        this IResourceBuilder<T> builder, Func<EndpointReference>? endpointSelector, string? path = null,
        int? statusCode = null) where T : IResourceWithEndpoints
    {
        var name = builder.Resource.Name;
        var endpoint = (endpointSelector ?? builder.HttpEndpoint)() ?? throw new DistributedApplicationException(
            $"Could not create HTTP health check for resource '{name}' as the endpoint selector returned null.");
        if (endpoint.Scheme is not ("http" or "https"))
            throw new DistributedApplicationException(
                $"Could not create HTTP health check for resource '{name}' as the endpoint with name " +
                $"'{endpoint.EndpointName}' and scheme '{endpoint.Scheme}' is not an HTTP endpoint.");
        path ??= "/";
        statusCode ??= 200;
        var key = $"{name}_{endpoint.EndpointName}_{path}_{statusCode}_check";
        var services = builder.ApplicationBuilder.Services;
        services.AddHttpClient();
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            key, sp => new HttpHealthCheck(sp.GetRequiredService<IHttpClientFactory>(), endpoint, path, statusCode.Value),
            failureStatus: null, tags: null));
        return builder.WithHealthCheck(key);
    }

    private static EndpointReference HttpEndpoint<T>(this IResourceBuilder<T> builder) where T : IResourceWithEndpoints =>
        builder.Resource.GetEndpoints().FirstOrDefault(e => e.EndpointName is "https")
        ?? builder.Resource.GetEndpoints().FirstOrDefault(e => e.EndpointName is "http")
        ?? throw new DistributedApplicationException(
            $"Could not create HTTP health check for resource '{builder.Resource.Name}' as no endpoint was found matching " +
            "one of the specified names: http, https");

    private sealed class HttpHealthCheck(IHttpClientFactory clients, EndpointReference endpoint, string path, int statusCode)
        : IHealthCheck
    {
        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            var uri = new Uri(new Uri(endpoint.Url), path);
            using var client = clients.CreateClient();
            client.Timeout = Patience;
            try
            {
                using var response = await client.GetAsync(uri, cancellationToken);
                return (int)response.StatusCode == statusCode
                    ? HealthCheckResult.Healthy()
                    : HealthCheckResult.Unhealthy($"{uri} answered {(int)response.StatusCode}, expected {statusCode}.");
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                return HealthCheckResult.Unhealthy($"{uri} did not answer: {e.Message}", e);
            }
        }
    }
}
