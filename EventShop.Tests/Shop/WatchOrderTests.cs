using System.Net;
using System.Net.ServerSentEvents;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary><c>GET /orders/{id}/events</c>: an order's history, live.</summary>
public sealed class WatchOrderTests(SharedPostgres postgres)
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
        await using var shop = await RunningShop.StartAsync(postgres, ("EventStreams__PerClient", "1001"));
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

    [Fact]
    public async Task A_stream_on_which_nothing_happens_gets_a_comment_now_and_then()
    {
        await using var shop = await RunningShop.StartAsync(postgres, ("EventStreams__KeepAlive", "00:00:00.200"));
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();
        using var stream = await OpenAsync(shop.OrderService, id);
        using var again = await OpenAsync(shop.OrderService, id, "1");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        var lines = new StreamReader(await stream.Content.ReadAsStreamAsync(Cancelled));
        var linesAgain = new StreamReader(await again.Content.ReadAsStreamAsync(Cancelled));

        var comments = new List<string?>();
        while (comments.Count < 3)
            if (await lines.ReadLineAsync(patience.Token) is var line && line?.StartsWith(':') is not false)
                comments.Add(line);
        // One who has seen all there is has an answer at once.
        Assert.Equal(":", await linesAgain.ReadLineAsync(patience.Token));
        Assert.All(comments, comment => Assert.Equal(":", comment));

        // They are no events, and in no event's way.
        await shop.StartPaymentServiceAsync();
        var rest = await lines.ReadToEndAsync(Cancelled);
        Assert.Contains("event: paid", rest, StringComparison.Ordinal);
        Assert.DoesNotContain("event: created", rest, StringComparison.Ordinal);
        using var events = await OpenAsync(shop.OrderService, id);
        Assert.Equal([("1", "created"), ("2", "paid")], await ReadAsync(events));
    }

    [Fact]
    public async Task A_client_has_so_many_streams_a_replica_so_many_and_one_that_ends_makes_room()
    {
        await using var shop = await RunningShop.StartAsync(
            postgres, ("EventStreams__PerClient", "2"), ("EventStreams__PerReplica", "3"), ("RateLimit__TrustedProxies", "127.0.0.1, ::1"));
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();

        using var first = await OpenAsync(shop.OrderService, id, client: "192.0.2.7");
        using var second = await OpenAsync(shop.OrderService, id, client: "192.0.2.7");
        using var third = await OpenAsync(shop.OrderService, id, client: "192.0.2.7");
        using var other = await OpenAsync(shop.OrderService, id, client: "192.0.2.8");
        using var full = await OpenAsync(shop.OrderService, id, client: "192.0.2.8");
        // What is no stream is not counted, and not refused.
        using var unknown = await OpenAsync(shop.OrderService, Guid.NewGuid(), client: "192.0.2.7");

        Assert.Equal(
            (HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.TooManyRequests, HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.NotFound),
            (first.StatusCode, second.StatusCode, third.StatusCode, other.StatusCode, full.StatusCode, unknown.StatusCode));
        foreach (var refused in new[] { third, full })
        {
            Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
            Assert.Equal(TimeSpan.FromSeconds(5), refused.Headers.RetryAfter?.Delta);
            Assert.Contains("streams", await refused.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
        }

        // One client hangs up, the others see the end.
        first.Dispose();
        await Eventually.True("there is room", async () =>
        {
            using var again = await OpenAsync(shop.OrderService, id, client: "192.0.2.7");
            return again.StatusCode is HttpStatusCode.OK;
        });
        await shop.StartPaymentServiceAsync();
        Assert.Equal([("1", "created"), ("2", "paid")], await ReadAsync(second));
        Assert.Equal([("1", "created"), ("2", "paid")], await ReadAsync(other));
        for (var i = 0; i < 10; i++)
        {
            using var over = await OpenAsync(shop.OrderService, id, client: "192.0.2.7");
            Assert.Equal([("1", "created"), ("2", "paid")], await ReadAsync(over));
        }
    }

    private static long ResidentBytes(ServiceProcess service)
    {
        using var process = System.Diagnostics.Process.GetProcessById(service.Id);
        return process.WorkingSet64;
    }

    private static Task<HttpResponseMessage> OpenAsync(ServiceProcess service, Guid id, string? lastEventId = null, string? client = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, $"/orders/{id}/events");
        if (client is not null)
            request.Headers.Add("X-Forwarded-For", client);
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
