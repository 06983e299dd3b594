using System.Globalization;
using System.Net;
using System.Net.Sockets;
using EventShop.Demo;
using EventShop.Demo.Otlp;

// The shop's first customer: places orders over HTTP and watches what becomes of them.
//   EventShop.Demo                       one order, its history, exit status 0 if it was paid
//   EventShop.Demo trace 4317            the same, and its journey, from the spans that the services send to this port by OTLP
//   EventShop.Demo port                  prints a port that is free
//   EventShop.Demo load 1000 16          1,000 orders from 16 clients, one in ten with a card that is declined
// ORDER_SERVICE and PAYMENT_GATEWAY name other addresses than http://localhost:5101 and http://localhost:5103.
using var shop = new Shop(
    Environment.GetEnvironmentVariable("ORDER_SERVICE") ?? "http://localhost:5101",
    Environment.GetEnvironmentVariable("PAYMENT_GATEWAY") ?? "http://localhost:5103");

try
{
    return args switch
    {
        [] => await OneOrder.RunAsync(shop),
        ["trace", var port] => await TraceAsync(int.Parse(port, CultureInfo.InvariantCulture)),
        ["port"] => PrintFreePort(),
        ["load", var orders, var clients] => await Load.RunAsync(
            shop, int.Parse(orders, CultureInfo.InvariantCulture), int.Parse(clients, CultureInfo.InvariantCulture)),
        _ => throw new FormatException($"'{string.Join(' ', args)}': give nothing, or: trace PORT, or: port, or: load ORDERS CLIENTS"),
    };
}
catch (Exception e) when (e is HttpRequestException or FormatException or TimeoutException)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}

async Task<int> TraceAsync(int port)
{
    await using var receiver = await OtlpReceiver.StartAsync(port);
    return await OneOrder.RunAsync(shop, receiver);
}

static int PrintFreePort()
{
    using var listener = new TcpListener(IPAddress.Loopback, 0);
    listener.Start();
    Console.WriteLine(((IPEndPoint)listener.LocalEndpoint).Port);
    return 0;
}
