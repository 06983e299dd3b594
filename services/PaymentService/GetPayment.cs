using Microsoft.AspNetCore.Http.HttpResults;

namespace PaymentService;

/// <summary><c>GET /payments/{orderId}</c>: a payment with every call that was made for it.</summary>
public static class GetPayment
{
    public static async Task<Results<Ok<Payment>, ProblemHttpResult>> HandleAsync(
        Guid orderId, PaymentStore payments, CancellationToken cancellationToken) =>
        await payments.FindAsync(orderId, cancellationToken) is { } payment
            ? TypedResults.Ok(payment)
            : TypedResults.Problem(statusCode: StatusCodes.Status404NotFound, detail: $"There is no payment for order {orderId}.");
}
