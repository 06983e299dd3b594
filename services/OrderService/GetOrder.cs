using Microsoft.AspNetCore.Http.HttpResults;

namespace OrderService;

/// <summary><c>GET /orders/{id}</c>: the order with its history.</summary>
public static class GetOrder
{
    public static async Task<Results<Ok<Order>, ProblemHttpResult>> HandleAsync(
        Guid id, OrderStore orders, CancellationToken cancellationToken) =>
        await orders.FindAsync(id, cancellationToken) is { } order
            ? TypedResults.Ok(order)
            : TypedResults.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"There is no order {id}.");
}
