using System.Diagnostics;
using System.Globalization;

namespace EventShop.Demo;

/// <summary>Places many orders at once, waits for all of them, and holds the gateway's ledger against what the shop says.</summary>
internal static class Load
{
    private const int OneDeclinedIn = 10;

    /// <summary>Parts of the shop may be killed meanwhile, again and again: what waits for one of them tries again ever more rarely.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static async Task<int> RunAsync(Shop shop, int orders, int clients)
    {
        var stopwatch = Stopwatch.StartNew();
        var settled = new Order[orders];
        await Parallel.ForAsync(0, orders, new ParallelOptions { MaxDegreeOfParallelism = clients }, async (i, _) =>
            settled[i] = await shop.PlaceAsync(i % OneDeclinedIn == 0 ? "tok_declined" : "tok_ok"));
        var placed = stopwatch.Elapsed;
        await Parallel.ForAsync(0, orders, new ParallelOptions { MaxDegreeOfParallelism = clients }, async (i, _) =>
            settled[i] = await shop.SettledAsync(settled[i].Id, Patience));

        var captures = await shop.CapturesAsync();
        var wrong = settled.Where((order, i) =>
            order.Status != (i % OneDeclinedIn == 0 ? "Declined" : "Paid")
            || captures.GetValueOrDefault(order.Id) != (order.Status == "Paid" ? 1 : 0)).ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{orders} orders placed in {placed.TotalSeconds:0.0} s, settled in {stopwatch.Elapsed.TotalSeconds:0.0} s: " +
            $"{settled.Count(o => o.Status == "Paid")} paid, {settled.Count(o => o.Status == "Declined")} declined, {wrong.Length} wrong"));
        foreach (var order in wrong.Take(10))
            Console.WriteLine($"  {order.Id}: {order.Status}, captured {captures.GetValueOrDefault(order.Id)} times");
        return wrong.Length == 0 ? 0 : 1;
    }
}
