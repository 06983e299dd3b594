using System.Text.Json.Serialization;

namespace PaymentGateway.Ledger;

/// <summary>One line of the journal: <c>{"charge":{…}}</c> or <c>{"refund":{…}}</c>.</summary>
internal sealed record JournalLine(Charge? Charge, Refund? Refund);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(JournalLine))]
internal sealed partial class JournalJson : JsonSerializerContext;
