using System.Net;
using System.Net.ServerSentEvents;
using EventShop.Tests.Servers;

namespace EventShop.Tests.Shop;

/// <summary><c>GET /orders/{id}/events</c>: an order's history, live.</summary>
public sealed class WatchOrderTests(PostgresServer postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_history_comes_first_then_what_happens_and_the_end_on_every_replica()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await using var replica = await shop.StartOrderReplicaAsync();
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();

        using var here = await OpenAsync(shop.OrderService, id);
        using var there = await OpenAsync(replica, id);
        Assert.Equal(("text/event-stream", "text/event-stream"), (here.Content.Headers.ContentType?.MediaType, there.Content.Headers.ContentType?.MediaType));
        await shop.StartPaymentServiceAsync();
        var events = await Task.WhenAll(ReadAsync(here), ReadAsync(there));

        Assert.All(events, seen => Assert.Equal([("1", "created"), ("2", "paid")], seen));
    }

    [Fact]
    public async Task A_client_that_comes_back_goes_on_where_it_was_and_is_told_when_there_is_no_more()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        var id = await shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await shop.StatusAsync(id) == "Paid");

        using var again = await OpenAsync(shop.OrderService, id, "1");
        using var over = await OpenAsync(shop.OrderService, id, "2");
        using var nonsense = await OpenAsync(shop.OrderService, id, "x");
        using var unknown = await OpenAsync(shop.OrderService, Guid.NewGuid());

        Assert.Equal([("2", "paid")], await ReadAsync(again));
        Assert.Equal(
            (HttpStatusCode.NoContent, HttpStatusCode.BadRequest, HttpStatusCode.NotFound), (over.StatusCode, nonsense.StatusCode, unknown.StatusCode));
    }

    [Fact]
    public async Task A_thousand_open_streams_cost_less_than_a_hundred_megabytes_and_all_end()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();
        using (var first = await OpenAsync(shop.OrderService, id))
        {
            var before = ResidentBytes(shop.OrderService);

            var streams = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => OpenAsync(shop.OrderService, id)));
            var cost = ResidentBytes(shop.OrderService) - before;
            TestContext.Current.SendDiagnosticMessage($"1,000 open streams: {cost / 1e6:0} MB");
            Assert.InRange(cost, long.MinValue, 100_000_000);

            await shop.StartPaymentServiceAsync();
            var events = await Task.WhenAll(streams.Select(ReadAsync));
            Assert.All(events, seen => Assert.Equal([("1", "created"), ("2", "paid")], seen));
            foreach (var stream in streams)
                stream.Dispose();
        }
    }

    private static long ResidentBytes(ServiceProcess service)
    {
        using var process = System.Diagnostics.Process.GetProcessById(service.Id);
        return process.WorkingSet64;
    }

    private static Task<HttpResponseMessage> OpenAsync(ServiceProcess service, Guid id, string? lastEventId = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"/orders/{id}/events");
        if (lastEventId is not null)
            request.Headers.Add("Last-Event-ID", lastEventId);
        return service.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancelled);
    }

    private static async Task<List<(string? Id, string Event)>> ReadAsync(HttpResponseMessage response)
    {
        var seen = new List<(string?, string)>();
        var parser = SseParser.Create(await response.Content.ReadAsStreamAsync(Cancelled));
        await foreach (var item in parser.EnumerateAsync(Cancelled))
            seen.Add((parser.LastEventId, item.EventType));
        return seen;
    }
}
