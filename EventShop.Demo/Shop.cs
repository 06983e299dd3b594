using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Serialization;

namespace EventShop.Demo;

/// <summary>The shop as a client sees it.</summary>
internal sealed class Shop(string orderService, string gateway) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient _http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 256 }) { Timeout = TimeSpan.FromSeconds(10) };

    public string OrderAddress(Guid id) => $"{orderService}/orders/{id}";

    /// <summary>
    /// Places an order. Without an answer, or when the shop is overloaded, it is placed again under the same key, as every client should:
    /// however often it was heard, it is one order.
    /// </summary>
    /// <exception cref="HttpRequestException">The shop did not take it, for a minute or for good; the message holds its answer.</exception>
    public Task<Order> PlaceAsync(string paymentToken)
    {
        var request = new OrderRequest("c-42", [new("SKU-1", 2), new("SKU-2", 1)], paymentToken);
        var key = Guid.NewGuid().ToString();
        return PatientlyAsync(() => PlaceOnceAsync(request, key));
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

    /// <summary>Watches an order until its payment is decided. A stream that breaks is opened again.</summary>
    /// <exception cref="TimeoutException">It is not, after so long.</exception>
    public async Task<Order> SettledAsync(Guid id, TimeSpan limit)
    {
        using var patience = new CancellationTokenSource(limit);
        try
        {
            while (true)
            {
                await WatchAsync(id, patience.Token);
                if (await FindAsync(id, patience.Token) is { Status: not "Pending" } order)
                    return order;
                await Task.Delay(Pause, patience.Token);
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"Order {id} is still pending after {limit.TotalSeconds} s.");
        }
    }

    /// <summary>Reads the order's events, which end when there is nothing more to come.</summary>
    private async Task WatchAsync(Guid id, CancellationToken cancellationToken)
    {
        try
        {
            using var events = await _http.GetAsync($"{OrderAddress(id)}/events", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            await events.Content.CopyToAsync(Stream.Null, cancellationToken);
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            // The service went away: its order is looked up, and watched again.
        }
    }

    /// <returns>Null where there was no answer: asking again does no harm.</returns>
    private async Task<Order?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        try
        {
            return await _http.GetFromJsonAsync(OrderAddress(id), DemoJson.Default.Order, cancellationToken);
        }
        catch (Exception e) when (IsNoAnswer(e))
        {
            return null;
        }
    }

    /// <summary>Nobody answered, or not in time, or somebody who says to come back later.</summary>
    private static bool IsNoAnswer(Exception e) => e is IOException or HttpRequestException { StatusCode: null or >= HttpStatusCode.InternalServerError }
        or TaskCanceledException { InnerException: TimeoutException };

    /// <returns>How often each order was captured, by the gateway's own ledger.</returns>
    public async Task<Dictionary<Guid, int>> CapturesAsync()
    {
        var charges = await PatientlyAsync(() => _http.GetFromJsonAsync($"{gateway}/charges", DemoJson.Default.ChargeArray)) ?? [];
        return charges.Where(c => c.Status == "captured").GroupBy(c => c.OrderId).ToDictionary(g => g.Key, g => g.Count());
    }

    /// <summary>Calls again while there is no answer, or one that says to come back later.</summary>
    private static async Task<T> PatientlyAsync<T>(Func<Task<T>> call)
    {
        for (var started = Stopwatch.StartNew(); ; await Task.Delay(Pause))
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (IsNoAnswer(e) && started.Elapsed < Patience)
            {
                // Nobody knows whether it was heard: the key does.
            }
        }
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
