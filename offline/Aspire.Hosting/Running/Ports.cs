using System.Net;
using System.Net.Sockets;

namespace Aspire.Hosting.Running;

internal static class Ports
{
    // Below the range from which Linux takes the local ports of outgoing connections: a port found free here is not taken
    // by somebody's connection before the process that will listen on it has started.
    private const int First = 20_000;
    private const int Last = 30_000;
    private static readonly HashSet<int> Given = [];

    public static int Free()
    {
        lock (Given)
        {
            for (var attempt = 0; attempt < 1_000; attempt++)
            {
                var port = Random.Shared.Next(First, Last);
                if (!IsTaken(port) && Given.Add(port))
                    return port;
            }
        }
        throw new DistributedApplicationException($"No free port between {First} and {Last}.");
    }

    public static bool IsTaken(int port) =>
        !CanListen(IPAddress.Loopback, port) || (Socket.OSSupportsIPv6 && !CanListen(IPAddress.IPv6Loopback, port));

    private static bool CanListen(IPAddress address, int port)
    {
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
            return true;
        }
        catch (SocketException e)
        {
            // A machine may know IPv6 and have no such address.
            return e.SocketErrorCode == SocketError.AddressNotAvailable;
        }
    }
}
