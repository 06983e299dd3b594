using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using EventShop.Messaging;

namespace Shipping;

/// <summary>What another service publishes, as far as this one needs it.</summary>
public sealed record OrderPaid(Guid OrderId) : IEvent<OrderPaid>
{
    public static string Type => "eventshop.orders.paid.v1";
    public static string Subject => "orders.paid";
    public static JsonTypeInfo<OrderPaid> Json => EventJson.Default.OrderPaid;
}

/// <summary>What this service publishes.</summary>
public sealed record ParcelSent(Guid OrderId, string Carrier) : IEvent<ParcelSent>
{
    public static string Type => "shop.parcels.sent.v1";
    public static string Subject => "parcels.sent";
    public static JsonTypeInfo<ParcelSent> Json => EventJson.Default.ParcelSent;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(OrderPaid))]
[JsonSerializable(typeof(ParcelSent))]
internal sealed partial class EventJson : JsonSerializerContext;
