namespace NATS.Client.Core;

/// <summary>Where a server is: one URL of the options, or one the server announced.</summary>
internal sealed record ServerAddress
{
    public ServerAddress(string url, bool isSeed, string scheme = "nats")
    {
        url = url.Trim();
        var builder = new UriBuilder(url.Contains("://", StringComparison.Ordinal) ? url : $"{scheme}://{url}");
        if (builder.Scheme is not ("nats" or "tls"))
        {
            throw new ArgumentException($"unsupported scheme {builder.Scheme} in nats URL {url}", url);
        }

        if (builder.Port == -1)
        {
            builder.Port = 4222;
        }

        if (builder.Host.Length == 0)
        {
            builder.Host = "localhost";
        }

        Uri = builder.Uri;
        IsSeed = isSeed;
    }

    public Uri Uri { get; init; }

    public bool IsSeed { get; }

    public string Host => Uri.Host;

    public int Port => Uri.Port;

    /// <summary>Without the password, or the token.</summary>
    public override string ToString()
    {
        var builder = new UriBuilder(Uri);
        if (builder.Password.Length > 0)
        {
            builder.Password = "***";
        }
        else if (builder.UserName.Length > 0)
        {
            builder.UserName = "***";
        }

        return builder.Uri.ToString().TrimEnd('/');
    }
}
