using Microsoft.AspNetCore.Http.HttpResults;

namespace PaymentGateway;

/// <summary>
/// The rules of every POST, a card processor's usual ones. A key makes one charge, or one refund, however often it is sent:
/// sent again it gets the stored answer with <c>Idempotent-Replayed: true</c>. Two keys are two charges, even for one order.
/// Nothing is stored under a key that was rejected or met a 5xx. Keys are kept as long as the ledger.
/// </summary>
internal static class IdempotencyKey
{
    public const string Header = "Idempotency-Key";

    private const string ReplayedHeader = "Idempotent-Replayed";
    private const int MaxLength = 255;

    /// <summary>Adds to the request's errors when the key is missing or longer than 255 characters.</summary>
    public static void Check(string? key, Dictionary<string, string[]> errors)
    {
        if (string.IsNullOrWhiteSpace(key) || key.Length > MaxLength)
        {
            errors[Header] = [$"is a required header of 1 to {MaxLength} characters"];
        }
    }

    public static void MarkReplayed(HttpContext context) => context.Response.Headers[ReplayedHeader] = "true";

    /// <summary>409: the first request with this key is still being worked on; ask again with the same key.</summary>
    public static ProblemHttpResult InUse() => TypedResults.Problem(
        $"A request with this {Header} is in progress.", statusCode: StatusCodes.Status409Conflict);

    /// <summary>422: the key was used for something else, which is an error in the caller.</summary>
    public static ProblemHttpResult Reused() => TypedResults.Problem(
        $"This {Header} was used with another request body.", statusCode: StatusCodes.Status422UnprocessableEntity);
}
