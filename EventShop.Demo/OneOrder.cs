using System.Globalization;

namespace EventShop.Demo;

/// <summary>Places one order and prints its history.</summary>
internal static class OneOrder
{
    public static async Task<int> RunAsync(Shop shop)
    {
        var placed = await shop.PlaceAsync("tok_ok");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Order {placed.Id}: 2 × SKU-1, 1 × SKU-2, {placed.Total} {placed.Currency}"));
        var order = await shop.SettledAsync(placed.Id);

        var history = order.History ?? [];
        foreach (var entry in history)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{(entry.At - history[0].At).TotalMilliseconds,8:0.0} ms  {entry.Event,-10} trace {entry.TraceId ?? "(not traced)"}"));
        Console.WriteLine($"{order.Status}. Look it up: {shop.OrderAddress(order.Id)}");
        return order.Status == "Paid" ? 0 : 1;
    }
}
