using Microsoft.Extensions.Primitives;

namespace Microsoft.Extensions.ServiceDiscovery;

/// <summary>The endpoints of a service, as of one state of the configuration; none means that its name passes through.</summary>
internal sealed class ServiceEndpoints(ServiceName name, IReadOnlyList<ServiceEndpoint> endpoints, IChangeToken changes)
{
    private uint next;

    public bool IsStale => changes.HasChanged;

    /// <summary>The request's address at the next endpoint in turn.</summary>
    public Uri Next(Uri address) => endpoints.Count == 0
        ? PassThrough(address)
        : endpoints[(int)(Interlocked.Increment(ref next) % (uint)endpoints.Count)].Apply(address);

    private Uri PassThrough(Uri address)
    {
        if (name.Endpoint is null && name.Schemes.Length == 1)
        {
            return address;
        }

        return new UriBuilder(address) { Scheme = name.Schemes[0], Host = name.Service }.Uri;
    }
}
