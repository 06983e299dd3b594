using System.Text.Json.Serialization;
using EventShop.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;

namespace OrderService;

/// <summary>Everything this service reads and writes as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(PlaceOrder.Request))]
[JsonSerializable(typeof(PlaceOrder.Response))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(ListOrders.Page))]
[JsonSerializable(typeof(OrderChanges.Hint))]
[JsonSerializable(typeof(IReadOnlyList<OrderLine>))]
[JsonSerializable(typeof(IReadOnlyList<HistoryEntry>))]
[JsonSerializable(typeof(IReadOnlyList<Product>))]
[JsonSerializable(typeof(ProblemDetails))]
[JsonSerializable(typeof(HttpValidationProblemDetails))]
internal sealed partial class OrderJson : JsonSerializerContext;
