using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Mvc;
using PaymentGateway.Chaos;
using PaymentGateway.Ledger;
using Result = Microsoft.AspNetCore.Http.HttpResults.Results<
    EventShop.ServiceDefaults.CreatedJson<PaymentGateway.Refunds.RefundAnswer>,
    Microsoft.AspNetCore.Http.HttpResults.ValidationProblem,
    Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult,
    Microsoft.AspNetCore.Http.HttpResults.EmptyHttpResult>;

namespace PaymentGateway.Refunds;

/// <summary>
/// <c>POST /refunds</c>: gives a captured charge back in full, once per idempotency key and once per charge. 404 when the order
/// has no such charge, 409 when it was declined or is refunded under another key.
/// </summary>
internal static class CreateRefund
{
    [Tags("Refunds"), EndpointSummary("Give a charge back")]
    [EndpointDescription("In full, once per Idempotency-Key and once per charge.")]
    [Refuses(StatusCodes.Status404NotFound, "The order has no such charge.")]
    [Refuses(StatusCodes.Status409Conflict, "The charge was declined, or is refunded under another key, or a request with this key is in progress.")]
    [Refuses(StatusCodes.Status422UnprocessableEntity, "This Idempotency-Key was used with another request body.")]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "The gateway is out of order, as GET /chaos asks for: repeat with the same key.")]
    public static async Task<Result> Handle(
        [FromHeader(Name = IdempotencyKey.Header)] string? idempotencyKey,
        RefundRequest request,
        HttpContext context,
        LedgerBook ledger,
        ChaosMonkey chaos,
        TimeProvider time)
    {
        if (await chaos.Strike(context) is { } struck)
        {
            return struck.Result is { } problem ? problem : TypedResults.Empty;
        }

        var errors = request.Check();
        IdempotencyKey.Check(idempotencyKey, errors);
        if (errors.Count > 0)
        {
            return Refusal.Of(errors);
        }

        var candidate = Decide(request, idempotencyKey!, time.GetUtcNow());
        var refund = ledger.Claim(candidate);
        if (refund != candidate)
        {
            return Repeat(refund, request, context);
        }

        if (Obstacle(ledger.Find(refund.OrderId, refund.ChargeId), refund) is { } obstacle)
        {
            ledger.Release(refund);
            return obstacle;
        }

        await ledger.Record(refund);
        return Answer(refund);
    }

    private static Refund Decide(RefundRequest request, string key, DateTimeOffset now) => new()
    {
        Id = $"re_{Guid.CreateVersion7(now):N}",
        ChargeId = request.ChargeId!,
        OrderId = request.OrderId!.Value,
        Key = key,
        Amount = request.Amount!.Value,
        At = now,
    };

    // Taking the charge's only refund is the last check: after it the refund goes through.
    private static Result? Obstacle(Charge? charge, Refund refund) => charge switch
    {
        null => TypedResults.Problem("The order has no such charge.", statusCode: StatusCodes.Status404NotFound),
        { DeclineCode: not null } => TypedResults.Problem("The charge was declined.", statusCode: StatusCodes.Status409Conflict),
        _ when charge.Amount != refund.Amount => Refusal.Of(
            new() { ["amount"] = ["must be the charge's amount, refunds are full"] }),
        _ when !charge.TakeRefund(refund) => TypedResults.Problem(
            "The charge is refunded under another key.", statusCode: StatusCodes.Status409Conflict),
        _ => null,
    };

    private static Result Repeat(Refund refund, RefundRequest request, HttpContext context)
    {
        if (!request.IsSameAs(refund))
        {
            return IdempotencyKey.Reused();
        }

        if (!refund.IsRecorded)
        {
            return IdempotencyKey.InUse();
        }

        IdempotencyKey.MarkReplayed(context);
        return Answer(refund);
    }

    private static Result Answer(Refund refund)
        => new CreatedJson<RefundAnswer>($"/charges?orderId={refund.OrderId}", RefundAnswer.Of(refund), GatewayJson.Default.RefundAnswer);
}
