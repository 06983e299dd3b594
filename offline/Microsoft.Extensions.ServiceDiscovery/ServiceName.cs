namespace Microsoft.Extensions.ServiceDiscovery;

/// <summary>What an address asks for: <c>https+http://_admin.orders</c> is endpoint "admin" of "orders", https preferred.</summary>
internal sealed record ServiceName(string Service, string? Endpoint, string[] Schemes)
{
    public static ServiceName Parse(Uri address)
    {
        var schemes = address.Scheme.Split('+');
        var host = address.Host;
        var dot = host.IndexOf('.');
        return host.StartsWith('_') && dot > 1 && host[^1] != '.'
            ? new ServiceName(host[(dot + 1)..], host[1..dot], schemes)
            : new ServiceName(host, null, schemes);
    }
}
