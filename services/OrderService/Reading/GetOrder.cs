using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OrderService;

/// <summary><c>GET /orders/{id}</c>: the order with its history.</summary>
public static class GetOrder
{
    [Tags("Orders"), EndpointSummary("Get an order with its history")]
    [Refuses(StatusCodes.Status404NotFound, "There is no such order.")]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "The database does not answer.")]
    public static async Task<Results<Ok<Order>, ProblemHttpResult>> HandleAsync(
        Guid id, OrderStore orders, CancellationToken cancellationToken) =>
        await orders.FindAsync(id, cancellationToken) is { } order
            ? TypedResults.Ok(order)
            : TypedResults.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"There is no order {id}.");
}
