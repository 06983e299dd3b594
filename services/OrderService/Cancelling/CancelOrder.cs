using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OrderService;

/// <summary>Configuration section <c>Cancellation</c>.</summary>
public sealed class CancellationOptions
{
    /// <summary>How long after it was placed a paid order may still be cancelled.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "365.00:00:00")]
    public TimeSpan PaidLimit { get; set; } = TimeSpan.FromDays(14);
}

/// <summary>
/// <c>POST /orders/{id}/cancel</c>: a pending order is cancelled at once, a paid one when its money has been given back. Safe to
/// repeat.
/// </summary>
public sealed class CancelOrder(OrderStore orders, CancellationOptions options, TimeProvider clock)
{
    public const string ByCustomer = "customer";
    public const string Expired = "expired";

    [Tags("Orders"), EndpointSummary("Cancel an order")]
    [EndpointDescription("A pending order is cancelled at once, a paid one when its money has been given back. Safe to repeat.")]
    [Refuses(StatusCodes.Status404NotFound, "There is no such order.")]
    [Refuses(StatusCodes.Status409Conflict, "It is too late: the order was declined, or paid too long ago.")]
    [Refuses(StatusCodes.Status429TooManyRequests, RateLimit.Refusal)]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "Too many requests are waiting, or the database does not answer.")]
    public static async Task<Results<Accepted<Order>, ProblemHttpResult>> HandleAsync(
        Guid id, CancelOrder cancellation, CancellationToken cancellationToken)
    {
        var (order, cancelled) = await cancellation.CancelAsync(id, ByCustomer, cancellationToken);
        return order switch
        {
            null => TypedResults.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"There is no order {id}."),
            _ when !cancelled => TypedResults.Problem(
                statusCode: StatusCodes.Status409Conflict, detail: $"It is too late to cancel order {id}: it is {order.Status}."),
            _ => TypedResults.Accepted($"/orders/{id}", order),
        };
    }

    /// <param name="id">The order.</param>
    /// <param name="reason">Told with the event.</param>
    /// <param name="cancellationToken">The caller is gone.</param>
    /// <param name="pendingOnly">Leave alone what has been paid.</param>
    /// <returns>The order as it is now, null when there is none; and whether it is cancelled, or will be.</returns>
    public async Task<(Order? Order, bool Cancelled)> CancelAsync(
        Guid id, string reason, CancellationToken cancellationToken, bool pendingOnly = false)
    {
        while (await orders.FindAsync(id, cancellationToken) is { } order)
        {
            var now = clock.GetUtcNow();
            if (!order.CanCancel(now, options.PaidLimit) || (pendingOnly && order.Status is not OrderStatus.Pending))
                return (order, false);
            if (order.Cancel(now, Activity.Current?.TraceId.ToString()) is not { } transition)
                return (order, true);
            // Paid in the meantime: what a cancellation does has changed.
            if (await orders.MoveAsync(transition, EventOf(order, transition, reason, now)))
                return (order with { Status = transition.To, History = [.. order.History, transition.Entry] }, true);
        }
        return (null, false);
    }

    private static OutboxEvent EventOf(Order order, Transition transition, string reason, DateTimeOffset now) =>
        transition.To is OrderStatus.Cancelled
            ? OutboxEvent.Of(new OrderCancelled(order.Id, order.Currency, order.Total, reason, IsRefunded: false, now), order.Id, now)
            : OutboxEvent.Of(new OrderCancellationRequested(order.Id, order.Currency, order.Total, reason, now), order.Id, now);
}
