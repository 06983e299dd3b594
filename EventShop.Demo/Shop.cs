using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Serialization;

namespace EventShop.Demo;

/// <summary>The shop as a client sees it.</summary>
internal sealed class Shop(string orderService, string gateway) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PatienceToPlace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 256 });

    public string OrderAddress(Guid id) => $"{orderService}/orders/{id}";

    /// <returns>True when the order service is healthy; false when the process that should run it has ended.</returns>
    /// <exception cref="TimeoutException">Neither happened within two minutes.</exception>
    public async Task<bool> ReadyAsync(int process)
    {
        using var poll = new PeriodicTimer(Pause);
        for (var started = Stopwatch.StartNew(); started.Elapsed < 2 * Patience; await poll.WaitForNextTickAsync())
        {
            if (Array.TrueForAll(Process.GetProcesses(), p => p.Id != process))
                return false;
            try
            {
                using var health = await _http.GetAsync($"{orderService}/health");
                if (health.IsSuccessStatusCode)
                    return true;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
        }
        throw new TimeoutException($"{orderService}/health is not healthy after {2 * Patience.TotalSeconds} s.");
    }

    /// <summary>
    /// Places an order. Without an answer, or when the shop is overloaded, it is placed again under the same key, as every client should:
    /// however often it was heard, it is one order.
    /// </summary>
    /// <exception cref="HttpRequestException">The shop did not take it, for ten seconds or for good; the message holds its answer.</exception>
    public async Task<Order> PlaceAsync(string paymentToken)
    {
        var request = new OrderRequest("c-42", [new("SKU-1", 2), new("SKU-2", 1)], paymentToken);
        var key = Guid.NewGuid().ToString();
        for (var started = Stopwatch.StartNew(); ; await Task.Delay(Pause))
        {
            try
            {
                return await PlaceOnceAsync(request, key);
            }
            catch (HttpRequestException e) when ((e.StatusCode is null or >= HttpStatusCode.InternalServerError) && started.Elapsed < PatienceToPlace)
            {
                // Nobody knows whether it was placed: the key does.
            }
        }
    }

    private async Task<Order> PlaceOnceAsync(OrderRequest order, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{orderService}/orders") { Content = JsonContent.Create(order, DemoJson.Default.OrderRequest) };
        request.Headers.Add("Idempotency-Key", key);
        using var response = await _http.SendAsync(request);
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException(
                $"POST {orderService}/orders: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}", null, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(DemoJson.Default.Order))!;
    }

    /// <summary>Waits until an order is no longer pending.</summary>
    /// <exception cref="TimeoutException">It still is after a minute.</exception>
    public async Task<Order> SettledAsync(Guid id)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var poll = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        try
        {
            while (await poll.WaitForNextTickAsync(patience.Token))
                if (await FindAsync(id, patience.Token) is { Status: not "Pending" } order)
                    return order;
        }
        catch (OperationCanceledException)
        {
            // Said below.
        }
        throw new TimeoutException($"Order {id} is still pending after {Patience.TotalSeconds} s.");
    }

    /// <returns>Null where there was no answer: asking again does no harm.</returns>
    private async Task<Order?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        try
        {
            return await _http.GetFromJsonAsync(OrderAddress(id), DemoJson.Default.Order, cancellationToken);
        }
        catch (HttpRequestException e) when (e.StatusCode is null or >= HttpStatusCode.InternalServerError)
        {
            return null;
        }
    }

    /// <returns>How often each order was captured, by the gateway's own ledger.</returns>
    public async Task<Dictionary<Guid, int>> CapturesAsync()
    {
        var charges = await _http.GetFromJsonAsync($"{gateway}/charges", DemoJson.Default.ChargeArray) ?? [];
        return charges.Where(c => c.Status == "captured").GroupBy(c => c.OrderId).ToDictionary(g => g.Key, g => g.Count());
    }

    public void Dispose() => _http.Dispose();
}

internal sealed record OrderRequest(string CustomerId, Line[] Items, string PaymentToken);

internal sealed record Line(string Sku, int Quantity);

internal sealed record Order(Guid Id, string Status, string Currency, decimal Total, HistoryEntry[]? History);

internal sealed record HistoryEntry(string Event, DateTimeOffset At, string? TraceId);

internal sealed record Charge(Guid OrderId, string Status);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(OrderRequest))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Charge[]))]
internal sealed partial class DemoJson : JsonSerializerContext;
