using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;

namespace PaymentService;

/// <summary>The body of <c>POST /charges</c>.</summary>
internal sealed record ChargeRequest(Guid OrderId, decimal Amount, string Currency, string PaymentToken);

/// <summary>The body of <c>POST /refunds</c>; refunds are full.</summary>
internal sealed record RefundRequest(string ChargeId, Guid OrderId, decimal Amount);

/// <summary>Everything this service reads and writes as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ChargeRequest))]
[JsonSerializable(typeof(RefundRequest))]
[JsonSerializable(typeof(Payment))]
[JsonSerializable(typeof(Attempt))]
[JsonSerializable(typeof(IReadOnlyList<Attempt>))]
[JsonSerializable(typeof(ProblemDetails))]
internal sealed partial class PaymentJson : JsonSerializerContext;
