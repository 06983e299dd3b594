using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;

namespace PaymentGateway;

/// <summary>400: one entry for each bad field, and a code that tells a merchant's program what the first of them is.</summary>
internal static class Refusal
{
    /// <param name="errors">What is wrong with each bad field.</param>
    /// <returns>A problem document whose <c>code</c> is <c>invalid_amount</c>, <c>invalid_payment_token</c> and so on.</returns>
    public static ValidationProblem Of(Dictionary<string, string[]> errors) => TypedResults.ValidationProblem(
        errors, extensions: [new("code", $"invalid_{JsonNamingPolicy.SnakeCaseLower.ConvertName(errors.First().Key.Replace("-", "", StringComparison.Ordinal))}")]);
}
