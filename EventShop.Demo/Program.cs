using System.Globalization;
using EventShop.Demo;

// The shop's first customer: places orders over HTTP and watches what becomes of them.
//   EventShop.Demo                       one order, its history, exit status 0 if it was paid
//   EventShop.Demo ready 4711            waits until the shop is healthy, as long as process 4711 lives
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
        ["ready", var process] => await shop.ReadyAsync(int.Parse(process, CultureInfo.InvariantCulture)) ? 0 : 1,
        ["load", var orders, var clients] => await Load.RunAsync(
            shop, int.Parse(orders, CultureInfo.InvariantCulture), int.Parse(clients, CultureInfo.InvariantCulture)),
        _ => throw new FormatException($"'{string.Join(' ', args)}': give nothing, or: ready PROCESS, or: load ORDERS CLIENTS"),
    };
}
catch (Exception e) when (e is HttpRequestException or FormatException or TimeoutException)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 1;
}
