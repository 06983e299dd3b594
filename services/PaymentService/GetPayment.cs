using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace PaymentService;

/// <summary><c>GET /payments/{orderId}</c>: a payment with every call that was made for it.</summary>
public static class GetPayment
{
    [Tags("Payments"), EndpointSummary("Get the payment of an order")]
    [EndpointDescription("Its state, and every call to the gateway with its time and what came of it.")]
    [Refuses(StatusCodes.Status404NotFound, "The order has no payment: it does not exist, or has not been heard of yet.")]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "The database does not answer.")]
    public static async Task<Results<Ok<Payment>, ProblemHttpResult>> HandleAsync(
        Guid orderId, PaymentStore payments, CancellationToken cancellationToken) =>
        await payments.FindAsync(orderId, cancellationToken) is { } payment
            ? TypedResults.Ok(payment)
            : TypedResults.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"There is no payment for order {orderId}.");
}
