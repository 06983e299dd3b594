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
    /// <summary>Bodies are what the API describes: a member it does not know, one given twice, or a number in a string is a 400.</summary>
    public static void AddJson(this WebApplicationBuilder builder) => builder.Services.ConfigureHttpJsonOptions(json =>
    {
        json.SerializerOptions.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        json.SerializerOptions.AllowDuplicateProperties = false;
        json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        json.SerializerOptions.TypeInfoResolverChain.Insert(0, GatewayJson.Default);
        json.SerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
    });
}
