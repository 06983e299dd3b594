using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Polly;
using Polly.Timeout;

namespace PaymentService;

/// <summary>
/// What a call to the gateway came to. An answer decides something only in the words of the gateway's contract. With any other, it is
/// not known what became of the money, and the gateway is asked again.
/// </summary>
public abstract partial record GatewayAnswer
{
    private const string Captured = "captured";
    private const string Declined = "declined";
    private const string GivenBack = "refunded";
    private const int MaxIdLength = 255;

    private GatewayAnswer()
    {
    }

    /// <summary>The gateway has the charge: what became of it.</summary>
    public sealed record Charged(ChargeResult Result) : GatewayAnswer;

    /// <summary>The gateway has no charge under this key.</summary>
    public sealed record NoCharge : GatewayAnswer;

    /// <summary>The money has been given back.</summary>
    public sealed record Refunded(string RefundId) : GatewayAnswer;

    /// <summary>What was asked for can never be done.</summary>
    public sealed record Refused(string Reason) : GatewayAnswer;

    /// <summary>The gateway answered, and its answer does not tell what became of the money.</summary>
    /// <param name="IsInProgress">It says that it is working on it just now.</param>
    public sealed record Undecided(string Reason, bool IsInProgress = false) : GatewayAnswer;

    /// <summary>The gateway failed. What it was asked for may or may not have been done.</summary>
    /// <param name="RetryAfter">How long it wants to be left alone; null when it does not say.</param>
    public sealed record Failed(string Reason, TimeSpan? RetryAfter = null) : GatewayAnswer;

    /// <returns>Why the gateway failed; null when it did not, or something else did.</returns>
    internal static string? FailureOf(Outcome<GatewayAnswer> outcome) => outcome switch
    {
        { Exception: TimeoutRejectedException e } => e.Message,
        { Result: Failed failed } => failed.Reason,
        _ => null,
    };

    /// <summary>Reads the answer to <c>POST /charges</c>.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="body">Its body; null when that is not JSON.</param>
    public static GatewayAnswer OfCharge(HttpStatusCode status, JsonElement? body) => (status, body) switch
    {
        (HttpStatusCode.OK or HttpStatusCode.Created, { } charge) => OfCharge(charge, status),
        // A status alone decides nothing: a proxy on the way may answer 402 or 400, too.
        (HttpStatusCode.PaymentRequired, { } decline) when Text(decline, "status") is Declined || IsDeclineWithoutStatus(decline) =>
            new Charged(new ChargeResult.Declined(Code(decline, "declineCode") ?? Declined)),
        // Refused before anything was tried: to the customer, a card that does not work. The gateway says why.
        (HttpStatusCode.BadRequest, { ValueKind: JsonValueKind.Object } problem) =>
            new Charged(new ChargeResult.Declined(Code(problem, "code") ?? FirstError(problem) ?? "invalid_request")),
        (HttpStatusCode.UnprocessableEntity, { ValueKind: JsonValueKind.Object }) => new Refused("the key was used for another charge"),
        _ => Other(status, body),
    };

    /// <summary>Reads a charge out of the answer to <c>GET /charges?orderId=</c>.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="body">Its body; null when that is not JSON.</param>
    /// <param name="key">Under which the charge was, or was not, made.</param>
    public static GatewayAnswer OfLookUp(HttpStatusCode status, JsonElement? body, string key) =>
        Find(status, body, key, charge => OfCharge(charge, status));

    /// <summary>Reads the answer to <c>POST /refunds</c>.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="body">Its body; null when that is not JSON.</param>
    public static GatewayAnswer OfRefund(HttpStatusCode status, JsonElement? body) => (status, body) switch
    {
        (HttpStatusCode.OK or HttpStatusCode.Created, { } refund) when Text(refund, "status") is GivenBack && Id(refund) is { } id => new Refunded(id),
        (HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.UnprocessableEntity, { } problem) when IsProblem(problem, status) =>
            new Refused($"the refund is refused with HTTP {(int)status}"),
        _ => Other(status, body),
    };

    /// <summary>Reads the refund of a charge out of the answer to <c>GET /charges?orderId=</c>.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="body">Its body; null when that is not JSON.</param>
    /// <param name="key">Under which the charge was made.</param>
    public static GatewayAnswer OfRefundLookUp(HttpStatusCode status, JsonElement? body, string key) =>
        Find(status, body, key, charge => Text(charge, "status") is GivenBack && charge.TryGetProperty("refund", out var refund) && Id(refund) is { } id
            ? new Refunded(id)
            : UndecidedBy(status, charge));

    private static GatewayAnswer OfCharge(JsonElement charge, HttpStatusCode status) => (Text(charge, "status"), Id(charge)) switch
    {
        (Captured, { } id) => new Charged(new ChargeResult.Captured(id)),
        (Declined, _) => new Charged(new ChargeResult.Declined(Code(charge, "declineCode") ?? Declined)),
        // Captured and given back, by whomever: it is not paid, and under this key it will not be.
        (GivenBack, _) => new Charged(new ChargeResult.Declined(GivenBack)),
        _ => UndecidedBy(status, charge),
    };

    private static GatewayAnswer Find(HttpStatusCode status, JsonElement? body, string key, Func<JsonElement, GatewayAnswer> read)
    {
        if (status is not HttpStatusCode.OK || body is not { ValueKind: JsonValueKind.Array } charges)
            return Other(status, body);
        GatewayAnswer? found = null;
        var hasKeys = true;
        foreach (var charge in charges.EnumerateArray())
        {
            var other = Text(charge, "idempotencyKey");
            hasKeys &= other is not null;
            if (other != key)
                continue;
            var answer = read(charge);
            if (found is not null && found != answer)
                return new Undecided("HTTP 200, two charges under one key");
            found = answer;
        }
        // One without a key may be the one that is looked for.
        return found ?? (hasKeys ? new NoCharge() : new Undecided("HTTP 200, a charge without a key"));
    }

    private static GatewayAnswer Other(HttpStatusCode status, JsonElement? body) => (int)status switch
    {
        409 => new Undecided("HTTP 409", IsInProgress: true),
        (>= 200 and < 300) or 400 or 402 or 422 => UndecidedBy(status, body),
        _ => new Failed($"HTTP {(int)status}"),
    };

    private static Undecided UndecidedBy(HttpStatusCode status, JsonElement? body) => new(body switch
    {
        null => $"HTTP {(int)status}, no JSON",
        { } answer when Code(answer, "status") is { } word => $"HTTP {(int)status}, status {word}{(Id(answer) is null ? ", no id" : "")}",
        _ => $"HTTP {(int)status}, no status",
    });

    private static bool IsDeclineWithoutStatus(JsonElement answer) =>
        answer.ValueKind is JsonValueKind.Object && !answer.TryGetProperty("status", out _) && Code(answer, "declineCode") is not null;

    /// <summary>Whether this is the problem document of this status, and not the page of something on the way.</summary>
    private static bool IsProblem(JsonElement problem, HttpStatusCode status) =>
        problem.ValueKind is JsonValueKind.Object && problem.TryGetProperty("status", out var number)
        && number.ValueKind is JsonValueKind.Number && number.TryGetInt32(out var value) && value == (int)status;

    /// <summary>The first field that a validation problem names, for example <c>invalid_amount</c>.</summary>
    private static string? FirstError(JsonElement problem) =>
        problem.TryGetProperty("errors", out var errors) && errors.ValueKind is JsonValueKind.Object
        && errors.EnumerateObject().Select(error => error.Name).FirstOrDefault() is { } field && CodePattern().IsMatch(field)
            ? $"invalid_{JsonNamingPolicy.SnakeCaseLower.ConvertName(field)}"
            : null;

    private static string? Id(JsonElement answer) =>
        Text(answer, "id") is { Length: > 0 and <= MaxIdLength } id && !id.Any(char.IsControl) ? id : null;

    /// <summary>A word that may be stored and shown; a stranger's text may not.</summary>
    private static string? Code(JsonElement answer, string name) => Text(answer, name) is { } text && CodePattern().IsMatch(text) ? text : null;

    private static string? Text(JsonElement answer, string name) =>
        answer.ValueKind is JsonValueKind.Object && answer.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String
            ? value.GetString()
            : null;

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}\z")]
    private static partial Regex CodePattern();
}
