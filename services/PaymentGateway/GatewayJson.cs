using System.Text.Json.Serialization;
using PaymentGateway.Chaos;
using PaymentGateway.Charges;
using PaymentGateway.Refunds;

namespace PaymentGateway;

/// <summary>Every shape of the API; the ledger's file has its own.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ChargeRequest))]
[JsonSerializable(typeof(ChargeAnswer))]
[JsonSerializable(typeof(IEnumerable<ChargeView>))]
[JsonSerializable(typeof(RefundRequest))]
[JsonSerializable(typeof(RefundAnswer))]
[JsonSerializable(typeof(ChaosSettings))]
internal sealed partial class GatewayJson : JsonSerializerContext;

internal static class JsonSetup
{
    public static void AddJson(this WebApplicationBuilder builder) => builder.Services.ConfigureHttpJsonOptions(json =>
    {
        json.SerializerOptions.TypeInfoResolverChain.Insert(0, GatewayJson.Default);
        json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
    });
}
