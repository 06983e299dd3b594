using EventShop.Hosting;
using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Mvc;
using PaymentGateway.Chaos;
using PaymentGateway.Ledger;

using Result = Microsoft.AspNetCore.Http.HttpResults.Results<
    EventShop.ServiceDefaults.CreatedJson<PaymentGateway.Charges.ChargeAnswer>,
    Microsoft.AspNetCore.Http.HttpResults.JsonHttpResult<PaymentGateway.Charges.ChargeAnswer>,
    Microsoft.AspNetCore.Http.HttpResults.ValidationProblem,
    Microsoft.AspNetCore.Http.HttpResults.ProblemHttpResult,
    Microsoft.AspNetCore.Http.HttpResults.EmptyHttpResult>;

namespace PaymentGateway.Charges;

/// <summary><c>POST /charges</c>: captures the amount, or declines, once per idempotency key.</summary>
internal static class CreateCharge
{
    [Tags("Charges"), EndpointSummary("Charge a card")]
    [EndpointDescription("Captures the amount, or declines, once per Idempotency-Key: repeated, it gets the stored answer, with the header Idempotent-Replayed. Tokens: tok_ok, tok_declined, tok_flaky, tok_lost_reply.")]
    [ProducesResponseType<ChargeAnswer>(StatusCodes.Status402PaymentRequired, Description = "The card was declined; declineCode says why.")]
    [Refuses(StatusCodes.Status409Conflict, "A request with this Idempotency-Key is in progress.")]
    [Refuses(StatusCodes.Status422UnprocessableEntity, "This Idempotency-Key was used with another request body.")]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "The gateway is out of order, as GET /chaos asks for: repeat with the same key.")]
    public static async Task<Result> Handle(
        [FromHeader(Name = IdempotencyKey.Header)] string? idempotencyKey,
        ChargeRequest request,
        HttpContext context,
        LedgerBook ledger,
        ChaosMonkey chaos,
        FlakyCards flaky,
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

        var candidate = Decide(request, idempotencyKey!, chaos.Declines(), time.GetUtcNow());
        var charge = ledger.Claim(candidate);
        if (charge != candidate)
        {
            return Repeat(charge, request, context);
        }

        if (charge.Token == PaymentTokens.Flaky && flaky.Fails(charge.OrderId))
        {
            ledger.Release(charge);
            return TypedResults.Problem("The card network did not answer.", statusCode: StatusCodes.Status503ServiceUnavailable);
        }

        ProcessStep.Reached("gateway.before-capture");
        await ledger.Record(charge);
        ProcessStep.Reached("gateway.after-capture");
        if (charge.Token == PaymentTokens.LostReply)
        {
            context.Abort();
            return TypedResults.Empty;
        }

        return Answer(charge);
    }

    private static Charge Decide(ChargeRequest request, string key, bool unlucky, DateTimeOffset now) => new()
    {
        Id = $"ch_{Guid.CreateVersion7(now):N}",
        OrderId = request.OrderId!.Value,
        Key = key,
        Amount = request.Amount!.Value,
        // There are few of either and many charges: each keeps the shared text, not its request's.
        Currency = string.Intern(request.Currency!),
        Token = string.Intern(request.PaymentToken!),
        DeclineCode = unlucky || request.PaymentToken == PaymentTokens.Declined ? "card_declined" : null,
        At = now,
    };

    private static Result Repeat(Charge charge, ChargeRequest request, HttpContext context)
    {
        if (!request.IsSameAs(charge))
        {
            return IdempotencyKey.Reused();
        }

        if (!charge.IsRecorded)
        {
            return IdempotencyKey.InUse();
        }

        IdempotencyKey.MarkReplayed(context);
        return Answer(charge);
    }

    private static Result Answer(Charge charge) => charge.DeclineCode is null
        ? new CreatedJson<ChargeAnswer>($"/charges?orderId={charge.OrderId}", ChargeAnswer.Of(charge), GatewayJson.Default.ChargeAnswer)
        : TypedResults.Json(ChargeAnswer.Of(charge), GatewayJson.Default.ChargeAnswer, statusCode: StatusCodes.Status402PaymentRequired);
}
