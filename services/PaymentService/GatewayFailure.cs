using System.Net;
using Polly;
using Polly.Timeout;

namespace PaymentService;

/// <summary>What of the gateway's answers is none.</summary>
internal static class GatewayFailure
{
    /// <returns>Why the gateway failed; null when it did not, or something else failed.</returns>
    public static string? Of(Outcome<HttpResponseMessage> outcome) => outcome switch
    {
        { Exception: HttpRequestException or TimeoutRejectedException } => outcome.Exception.Message,
        { Result: { StatusCode: not HttpStatusCode.Conflict } answer } when Is(answer) => $"HTTP {(int)answer.StatusCode}",
        _ => null,
    };

    /// <summary>Not an answer: a decline is one, and so is a refusal.</summary>
    public static bool Is(HttpResponseMessage response) =>
        response.StatusCode is >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests
            or HttpStatusCode.RequestTimeout or HttpStatusCode.Conflict;
}
