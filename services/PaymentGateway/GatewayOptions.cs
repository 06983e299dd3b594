using System.ComponentModel.DataAnnotations;

namespace PaymentGateway;

/// <summary>Configuration section "Gateway".</summary>
internal sealed class GatewayOptions
{
    public const string Section = "Gateway";

    /// <summary>The file of all charges, relative to the content root.</summary>
    [Required]
    public string LedgerPath { get; set; } = ".data/gateway-ledger.jsonl";

    /// <summary>Makes chaos repeatable: the same requests in the same order meet the same trouble. Default: none, random.</summary>
    public int? ChaosSeed { get; set; }
}
