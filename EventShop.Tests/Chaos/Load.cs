using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text.Json;

namespace EventShop.Tests.Chaos;

/// <summary>
/// Customers who place orders all the time and try again until they have a 2xx, as real ones do. Remembers every order that was
/// answered 2xx, with its card: that is what the shop owes.
/// </summary>
internal sealed class Load : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(30);

    private readonly HttpClient _http = new() { Timeout = Patience };
    private readonly Func<Uri> _orderService;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Guid, string> _accepted = new();
    private readonly ConcurrentDictionary<string, int> _failures = new();
    private readonly Task _customers;

    /// <param name="orderService">Where the next attempt goes.</param>
    /// <param name="seed">Decides the cards.</param>
    /// <param name="customers">Orders in flight at one time.</param>
    public Load(Func<Uri> orderService, int seed, int customers = 3)
    {
        _orderService = orderService;
        _customers = Task.WhenAll(Enumerable.Range(0, customers).Select(i => Task.Run(() => OrderAsync(new Random(seed + i)))));
    }

    /// <summary>Orders answered 2xx, with the card that was used.</summary>
    public IReadOnlyDictionary<Guid, string> Accepted => _accepted;

    /// <summary>How often each way to fail was met: a status code, or the name of an exception.</summary>
    public IReadOnlyDictionary<string, int> Failures => _failures;

    /// <summary>Waits until so many more orders have been answered 2xx.</summary>
    public Task MoreAsync(int orders, TimeSpan? timeout = null)
    {
        var wanted = _accepted.Count + orders;
        return Eventually.True($"{orders} more orders are accepted", () => _accepted.Count >= wanted, timeout ?? TimeSpan.FromSeconds(30));
    }

    /// <summary>Waits until so many more attempts have failed.</summary>
    public Task MoreFailuresAsync(int attempts)
    {
        var wanted = _failures.Values.Sum() + attempts;
        return Eventually.True($"{attempts} more attempts fail", () => _failures.Values.Sum() >= wanted, TimeSpan.FromSeconds(30));
    }

    /// <summary>The customers go home; those who wait for an answer wait for it.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _customers;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _http.Dispose();
        _stop.Dispose();
    }

    private static string Card(Random random) => random.Next(100) switch
    {
        < 80 => "tok_ok",
        < 90 => "tok_declined",
        < 95 => "tok_flaky",
        _ => "tok_lost_reply",
    };

    private async Task OrderAsync(Random random)
    {
        while (!_stop.IsCancellationRequested)
        {
            var card = Card(random);
            while (!await TryOrderAsync(card) && !_stop.IsCancellationRequested)
                await Pause();
            await Pause();
        }
    }

    private async Task<bool> TryOrderAsync(string card)
    {
        try
        {
            using var response = await _http.PostAsJsonAsync(new Uri(_orderService(), "/orders"), new
            {
                customerId = "c-chaos",
                items = new[] { new { sku = "SKU-1", quantity = 2 }, new { sku = "SKU-2", quantity = 1 } },
                paymentToken = card,
            });
            if (response.IsSuccessStatusCode)
            {
                var order = await response.Content.ReadFromJsonAsync<JsonElement>();
                return _accepted.TryAdd(order.GetProperty("id").GetGuid(), card);
            }

            Failed($"{(int)response.StatusCode}");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            Failed(e.GetType().Name);
        }

        return false;
    }

    private void Failed(string how) => _failures.AddOrUpdate(how, 1, (_, count) => count + 1);

    private Task Pause() => Task.Delay(Pace, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
}
