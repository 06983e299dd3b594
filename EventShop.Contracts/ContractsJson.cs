using System.Text.Json.Serialization;

namespace EventShop.Contracts;

/// <summary>How events are written: camel case, unknown members ignored, missing ones refused.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(OrderCreated))]
[JsonSerializable(typeof(OrderPaid))]
[JsonSerializable(typeof(OrderDeclined))]
[JsonSerializable(typeof(OrderCancelled))]
[JsonSerializable(typeof(OrderCancellationRequested))]
[JsonSerializable(typeof(PaymentSucceeded))]
[JsonSerializable(typeof(PaymentFailed))]
[JsonSerializable(typeof(PaymentRefunded))]
public sealed partial class ContractsJson : JsonSerializerContext;
