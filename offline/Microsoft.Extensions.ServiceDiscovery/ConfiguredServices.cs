using Microsoft.Extensions.Configuration;

namespace Microsoft.Extensions.ServiceDiscovery;

/// <summary>Reads endpoints from the configuration's "Services" section.</summary>
internal sealed class ConfiguredServices(IConfiguration configuration)
{
    private const string SectionName = "Services";
    private const string DefaultEndpoint = "default";

    /// <exception cref="KeyNotFoundException">The service's configuration is not a list of addresses.</exception>
    public ServiceEndpoints Resolve(ServiceName name)
    {
        // Taken before reading: a change in between makes the answer stale instead of unseen.
        var changes = configuration.GetReloadToken();
        return new ServiceEndpoints(name, Preferred(Read(name), name.Schemes), changes);
    }

    private List<ServiceEndpoint> Read(ServiceName name)
    {
        var service = configuration.GetSection(SectionName).GetSection(name.Service);
        var endpoint = name.Endpoint is { } wanted
            ? service.GetSection(wanted)
            : name.Schemes.Prepend(DefaultEndpoint).Select(service.GetSection).FirstOrDefault(section => section.Exists());

        if (endpoint is null || !endpoint.Exists())
        {
            return [];
        }

        return string.IsNullOrWhiteSpace(endpoint.Value)
            ? [.. endpoint.GetChildren().Select(child => Parse(child, name, mustBeNumbered: true))]
            : [Parse(endpoint, name, mustBeNumbered: false)];
    }

    private static ServiceEndpoint Parse(IConfigurationSection section, ServiceName name, bool mustBeNumbered)
    {
        if (mustBeNumbered && !int.TryParse(section.Key, out _))
        {
            throw new KeyNotFoundException(
                $"The endpoint configuration section for service '{name.Service}' has the non-numeric key '{section.Path}'.");
        }

        return ServiceEndpoint.TryParse(section.Value) ?? throw new KeyNotFoundException(
            $"The endpoint configuration section for service '{name.Service}' has an invalid value with key '{section.Path}'.");
    }

    // Only the first of the wanted schemes that any endpoint has; an address without a scheme suits all.
    private static List<ServiceEndpoint> Preferred(List<ServiceEndpoint> endpoints, string[] schemes)
    {
        var scheme = schemes.FirstOrDefault(wanted => endpoints.Any(endpoint => endpoint.Scheme == wanted));
        return endpoints.FindAll(endpoint => endpoint.Scheme is null || endpoint.Scheme == scheme);
    }
}
