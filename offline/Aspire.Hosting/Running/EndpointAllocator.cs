using System.Globalization;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Running;

/// <summary>What one replica listens on, per endpoint name, and the proxies in front.</summary>
internal sealed class EndpointPlan
{
    public Dictionary<string, int[]> TargetPorts { get; } = new(StringComparer.OrdinalIgnoreCase);
    public List<(int PublicPort, int[] Targets)> Proxies { get; } = [];
    public List<(string Endpoint, int Port)> FixedPorts { get; } = [];
}

/// <summary>
/// Gives every endpoint its ports. One process with one port is reached directly; several replicas, or a public port that
/// differs from the process's own, get a proxy.
/// </summary>
internal static class EndpointAllocator
{
    private const string Marker = "\u0001port:";

    /// <param name="resource">A project or executable.</param>
    /// <param name="randomize">Ignore wanted ports where a proxy could stand, so that tests can run side by side.</param>
    public static EndpointPlan Allocate(IResource resource, bool randomize)
    {
        var plan = new EndpointPlan();
        var replicas = resource.GetReplicaCount();
        foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
        {
            var wanted = endpoint.Port is > 0 ? endpoint.Port : null;
            if (randomize && endpoint.IsProxied)
                wanted = null;
            if (replicas > 1 && (!endpoint.IsProxied || endpoint.TargetPort is not null))
                throw new DistributedApplicationException(
                    $"The resource '{resource.Name}' has {replicas} replicas: its endpoint '{endpoint.Name}' must be proxied and have no target port.");
            var publicPort = wanted ?? (replicas > 1 ? null : endpoint.TargetPort) ?? Ports.Free();
            int[] targets = replicas > 1
                ? [.. Enumerable.Range(0, replicas).Select(_ => Ports.Free())]
                : [endpoint.TargetPort ?? publicPort];
            plan.TargetPorts[endpoint.Name] = targets;
            if (targets is not [var target] || target != publicPort)
                plan.Proxies.Add((publicPort, targets));
            if (wanted is not null)
                plan.FixedPorts.Add((endpoint.Name, publicPort));
            endpoint.AllocatedEndpoint = new AllocatedEndpoint(
                endpoint, Address(endpoint.TargetHost), publicPort, $"{Marker}{endpoint.Name}\u0001");
        }
        return plan;
    }

    /// <summary>Puts a replica's own ports where a value says "my target port".</summary>
    public static string Fill(string value, EndpointPlan plan, int replica)
    {
        if (!value.Contains(Marker, StringComparison.Ordinal))
            return value;
        foreach (var (name, ports) in plan.TargetPorts)
            value = value.Replace(
                $"{Marker}{name}\u0001", ports[replica].ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        return value;
    }

    private static string Address(string targetHost) => targetHost is "*" or "+" or "0.0.0.0" or "::" or "[::]"
        ? "localhost"
        : targetHost;
}
