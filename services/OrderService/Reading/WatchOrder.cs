using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace OrderService;

/// <summary>
/// <c>GET /orders/{id}/events</c>: an order's history as server-sent events, what has been first, then live, until its payment is
/// decided; a comment now and then while nothing happens. An event's id is its place in the history, so that any replica can go on where
/// another left off. When the service stops, the last event is <c>reconnect</c>.
/// </summary>
public static class WatchOrder
{
    public const string LastEventId = "Last-Event-ID";

    /// <summary>Says that the stream ends because the service stops, and not because there is no more to come.</summary>
    private const string Reconnect = "reconnect";

    /// <summary>When a client is to connect again: not all at once.</summary>
    private static TimeSpan ReconnectAfter => TimeSpan.FromMilliseconds(Random.Shared.Next(500, 1500));

    /// <returns>204 when there is nothing more to come, which is how a client is told not to connect again.</returns>
    [Tags("Orders"), EndpointSummary("Watch an order")]
    [EndpointDescription("Its history as server-sent events, what has been first, then live, until its payment is decided; 204 when there is nothing more to come. Last-Event-ID, the id of the last event seen, goes on after it. When the service stops, the stream ends with an event `reconnect` without an id, whose `retry` says after how many milliseconds to connect again.")]
    [Refuses(StatusCodes.Status404NotFound, "There is no such order.")]
    [Refuses(StatusCodes.Status429TooManyRequests, EventStreams.Refusal)]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "Too many streams are open, or the database does not answer.")]
    public static async Task<Results<ServerSentEventsResult<HistoryEntry?>, NoContent, ValidationProblem, ProblemHttpResult>> HandleAsync(
        Guid id, [FromHeader(Name = LastEventId)] string? lastEventId, HttpContext http, OrderStore orders, OrderChanges changes, EventStreams streams,
        IHostApplicationLifetime lifetime, CancellationToken cancellationToken)
    {
        var seen = 0;
        if (lastEventId is not null && !int.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out seen))
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { [LastEventId] = ["must be the id of an event of this order"] });
        if (await orders.FindAsync(id, cancellationToken) is not { } order)
            return TypedResults.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"There is no order {id}.");
        if (IsDecided(order) && seen >= order.History.Count)
            return TypedResults.NoContent();
        if (HttpMethods.IsHead(http.Request.Method))
            return TypedResults.ServerSentEvents(AsyncEnumerable.Empty<SseItem<HistoryEntry?>>());
        if (streams.Open(http) is { } refusal)
            return refusal;
        return TypedResults.ServerSentEvents(
            EventsAsync(id, seen, http.Response, orders, changes, streams.KeepAlive, lifetime.ApplicationStopping, cancellationToken));
    }

    private static async IAsyncEnumerable<SseItem<HistoryEntry?>> EventsAsync(
        Guid id, int seen, HttpResponse response, OrderStore orders, OrderChanges changes, TimeSpan keepAlive, CancellationToken stopping,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancellationToken);
        // Begun before the first look: what changes in between is not missed.
        using var watch = changes.Begin(id);
        while (await orders.FindAsync(id, cancellationToken) is { } order)
        {
            // A comment, which clients skip. Nobody else writes while an event is waited for.
            if (seen == order.History.Count)
                await response.WriteAsync(":\n\n", cancellationToken);
            for (; seen < order.History.Count; seen++)
                yield return new(order.History[seen], order.History[seen].Event) { EventId = (seen + 1).ToString(CultureInfo.InvariantCulture) };
            if (IsDecided(order))
                yield break;
            await watch.WaitAsync(keepAlive, ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested)
            {
                yield return new(null, Reconnect) { ReconnectionInterval = ReconnectAfter };
                yield break;
            }
        }
    }

    private static bool IsDecided(Order order) => order.Status is not (OrderStatus.Pending or OrderStatus.Cancelling);
}
