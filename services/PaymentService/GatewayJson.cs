using System.Text.Json.Serialization;

namespace PaymentService;

/// <summary>The body of <c>POST /charges</c>.</summary>
internal sealed record ChargeRequest(Guid OrderId, decimal Amount, string Currency, string PaymentToken);

/// <summary>What of the gateway's answer is needed here.</summary>
internal sealed record ChargeAnswer(string Id, string Status, string? IdempotencyKey, string? DeclineCode);

/// <summary>Everything this service reads and writes as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ChargeRequest))]
[JsonSerializable(typeof(ChargeAnswer))]
[JsonSerializable(typeof(ChargeAnswer[]))]
internal sealed partial class GatewayJson : JsonSerializerContext;
