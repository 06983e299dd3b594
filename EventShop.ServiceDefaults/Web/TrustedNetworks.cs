using System.Net;

namespace EventShop.ServiceDefaults;

/// <summary>Addresses and networks from a setting, separated by commas: <c>10.0.0.7, 10.1.0.0/16</c>.</summary>
public sealed class TrustedNetworks
{
    private TrustedNetworks(IReadOnlyList<IPNetwork> networks) => Networks = networks;

    /// <summary>Each of them; an address is a network of one.</summary>
    public IReadOnlyList<IPNetwork> Networks { get; }

    /// <returns>What of the setting is good, and one line for each entry that is neither an address nor a network.</returns>
    public static (TrustedNetworks Networks, IReadOnlyList<string> Errors) Read(string setting)
    {
        var (networks, errors) = (new List<IPNetwork>(), new List<string>());
        foreach (var entry in setting.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (IPAddress.TryParse(entry, out var address))
            {
                networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            }
            else if (IPNetwork.TryParse(entry, out var network))
            {
                networks.Add(network);
            }
            else
            {
                errors.Add($"{entry} is neither an address nor a network, for example 10.1.0.0/16");
            }
        }

        return (new TrustedNetworks(networks), errors);
    }

    /// <returns>Whether an address is in one of them.</returns>
    public bool Contains(IPAddress? address)
    {
        if (address is { IsIPv4MappedToIPv6: true })
        {
            address = address.MapToIPv4();
        }

        return address is not null && Networks.Any(network => network.Contains(address));
    }
}
