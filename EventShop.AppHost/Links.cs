namespace EventShop.AppHost;

internal static class Links
{
    /// <summary>What the dashboard links to: not the bare address of a service, where there is nothing, but what is worth a look.</summary>
    public static IResourceBuilder<ProjectResource> WithLinks(
        this IResourceBuilder<ProjectResource> service, params (string Text, string Path)[] links)
    {
        service.WithUrlForEndpoint("http", url => (url.Url, url.DisplayText) = (links[0].Path, links[0].Text));
        foreach (var (text, path) in links[1..])
        {
            service.WithUrlForEndpoint("http", endpoint => new ResourceUrlAnnotation { Url = path, DisplayText = text, Endpoint = endpoint });
        }

        return service;
    }
}
