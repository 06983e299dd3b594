using System.Collections.Concurrent;

namespace Microsoft.Extensions.ServiceDiscovery;

/// <summary>Sends a request to an endpoint of the service it names; the caller's view of its address does not change.</summary>
internal sealed class ResolvingHandler(ConfiguredServices services) : DelegatingHandler
{
    // Authorities come from the application's code, so there are few; the bound is for code that makes them up.
    private const int MaxRemembered = 1024;

    private readonly ConcurrentDictionary<string, ServiceEndpoints> resolved = new(StringComparer.Ordinal);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var original = request.RequestUri
            ?? throw new InvalidOperationException("Cannot resolve an endpoint for a request which has no RequestUri");

        request.RequestUri = Resolve(original).Next(original);
        try
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            request.RequestUri = original;
        }
    }

    private ServiceEndpoints Resolve(Uri address)
    {
        var authority = address.GetLeftPart(UriPartial.Authority);
        if (resolved.TryGetValue(authority, out var endpoints) && !endpoints.IsStale)
        {
            return endpoints;
        }

        if (resolved.Count >= MaxRemembered)
        {
            resolved.Clear();
        }

        return resolved[authority] = services.Resolve(ServiceName.Parse(address));
    }
}
