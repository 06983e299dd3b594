using System.Net;
using System.Net.Sockets;

namespace EventShop.Messaging.Testing;

/// <summary>
/// Ports for servers that must know theirs before they start, or take the same one again after a restart. They lie below the range
/// the system gives to connections and to listeners on port 0, so that nothing else takes one between the choice and the start.
/// </summary>
public static class FreePort
{
    private const int First = 20_000;
    private const int Count = 10_000;

    // Held until the process ends: its locks keep other processes off, too.
    private static readonly List<FileStream> Claims = [];
    private static int _next = Random.Shared.Next(Count);

    /// <summary>A port of 127.0.0.1 that nobody listens on and that no other caller gets, in this process or another.</summary>
    public static int Take()
    {
        for (var tried = 0; tried < Count; tried++)
        {
            var port = First + ((Interlocked.Increment(ref _next) & int.MaxValue) % Count);
            if (TryClaim(port) && IsFree(port))
                return port;
        }
        throw new InvalidOperationException($"No port from {First} to {First + Count - 1} is free");
    }

    private static bool TryClaim(int port)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"eventshop-ports-{Environment.UserName}"));
        try
        {
            var claim = new FileStream(Path.Combine(folder.FullName, $"{port}"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            lock (Claims)
                Claims.Add(claim);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
