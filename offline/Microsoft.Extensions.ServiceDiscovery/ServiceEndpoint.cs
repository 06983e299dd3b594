namespace Microsoft.Extensions.ServiceDiscovery;

/// <summary>One configured endpoint: a URL, or "host" or "host:port", which leaves the request's scheme.</summary>
internal sealed record ServiceEndpoint(string? Scheme, string Host, int Port, string Path)
{
    public static ServiceEndpoint? TryParse(string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            return null;
        }

        if (!value.Contains("://", StringComparison.Ordinal) && Uri.TryCreate($"fakescheme://{value}", default, out var hostOnly))
        {
            return new ServiceEndpoint(null, hostOnly.Host, hostOnly.Port, "");
        }

        return Uri.TryCreate(value, default, out var url)
            ? new ServiceEndpoint(url.Scheme, url.Host, url.Port, url.AbsolutePath.TrimEnd('/'))
            : null;
    }

    public Uri Apply(Uri address)
    {
        var result = new UriBuilder(address) { Host = Host, Scheme = Scheme ?? address.Scheme.Split('+')[0] };
        if (Port > 0)
        {
            result.Port = Port;
        }

        if (Path.Length > 0)
        {
            result.Path = $"{Path}/{address.AbsolutePath.TrimStart('/')}";
        }

        return result.Uri;
    }
}
