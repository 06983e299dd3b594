using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;

namespace EventShop.AppHost;

/// <summary>Which ports the shop listens on, and a word before anything starts when one of them is taken.</summary>
internal static class Ports
{
    private const string Section = "Ports";

    /// <summary>The dashboard's, which the launch profile sets.</summary>
    private static readonly string[] DashboardSettings = ["ASPNETCORE_URLS", "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"];

    /// <summary>
    /// Ports:NAME is the port of the resource of that name. With DcpPublisher:RandomizePorts (`./run.sh --ports random`, `aspire run --isolated`)
    /// all ports are free ones, the dashboard's too.
    /// </summary>
    /// <exception cref="DistributedApplicationException">One line: there is no such resource, or no such port.</exception>
    public static IDistributedApplicationBuilder AddPortSettings(this IDistributedApplicationBuilder builder)
    {
        if (builder.ExecutionContext.IsPublishMode)
        {
            return builder;
        }

        var endpoints = builder.Resources.SelectMany(resource => resource.Annotations.OfType<EndpointAnnotation>().Take(1), (resource, endpoint) => (resource.Name, endpoint))
            .ToDictionary(pair => pair.Name, pair => pair.endpoint, StringComparer.OrdinalIgnoreCase);
        foreach (var setting in builder.Configuration.GetSection(Section).GetChildren())
        {
            if (!endpoints.TryGetValue(setting.Key, out var endpoint))
            {
                throw new DistributedApplicationException($"{setting.Path} names no resource, allowed are {string.Join(", ", endpoints.Keys.Order())}.");
            }

            endpoint.Port = int.TryParse(setting.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= IPEndPoint.MaxPort
                ? port
                : throw new DistributedApplicationException($"{setting.Path} is '{setting.Value}', allowed is a port from 1 to {IPEndPoint.MaxPort}.");
        }

        if (!builder.Configuration.GetValue<bool>("DcpPublisher:RandomizePorts"))
        {
            var dashboard = DashboardSettings.Select(setting => (Owner: "the dashboard", Setting: setting, (builder.Configuration.GetValue<Uri?>(setting))?.Port));
            var resources = endpoints.Select(pair => (Owner: pair.Key, Setting: $"{Section}:{pair.Key}", pair.Value.Port));
            builder.Eventing.Subscribe<BeforeStartEvent>((_, _) =>
            {
                foreach (var (owner, setting, port) in resources.Concat(dashboard))
                {
                    if (port is { } number and > 0 && IsTaken(number))
                    {
                        throw new DistributedApplicationException(
                            $"Port {number} of {owner} is taken: stop what listens on it, set {setting} to another, or take free ports for all (./run.sh --ports random).");
                    }
                }

                return Task.CompletedTask;
            });
        }

        return builder;
    }

    private static bool IsTaken(int port)
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            probe.Start();
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse)
        {
            return true;
        }
    }
}
