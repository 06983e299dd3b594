using System.Diagnostics;
using System.Globalization;
using EventShop.Demo.Otlp;

namespace EventShop.Demo;

/// <summary>Places one order and prints its history, and its journey through the services.</summary>
internal static class OneOrder
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="receiver">Where the services send their spans; null: its history alone is printed.</param>
    public static async Task<int> RunAsync(Shop shop, OtlpReceiver? receiver = null)
    {
        var placed = await shop.PlaceAsync("tok_ok");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Order {placed.Id}: 2 × SKU-1, 1 × SKU-2, {placed.Total} {placed.Currency}"));
        var order = await shop.SettledAsync(placed.Id, TimeSpan.FromMinutes(1));

        var history = order.History ?? [];
        foreach (var entry in history)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{(entry.At - history[0].At).TotalMilliseconds,8:0.0} ms  {entry.Event,-10} trace {entry.TraceId ?? "(not traced)"}"));
        if (receiver is not null && history[0].TraceId is { } traceId)
            await DrawAsync(receiver, traceId);
        Console.WriteLine($"{order.Status}. Look it up: {shop.OrderAddress(order.Id)}");
        return order.Status == "Paid" ? 0 : 1;
    }

    private static async Task DrawAsync(OtlpReceiver receiver, string traceId)
    {
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        for (var waiting = Stopwatch.StartNew(); waiting.Elapsed < Patience; await poll.WaitForNextTickAsync())
            if (Waterfall.Of(receiver.Spans, traceId) is { IsComplete: true } journey)
            {
                Console.Write($"{Environment.NewLine}{journey.Draw()}{Environment.NewLine}");
                return;
            }
        await Console.Error.WriteLineAsync($"The spans of trace {traceId} did not all arrive within {Patience.TotalSeconds} s.");
    }
}
