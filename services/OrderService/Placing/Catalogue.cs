using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OrderService;

/// <param name="Price">In <see cref="Catalogue.Currency"/>, two decimals.</param>
public sealed record Product(string Sku, string Name, string Currency, decimal Price);

/// <summary>What the shop sells, and at which price. Clients never say what something costs.</summary>
public static class Catalogue
{
    public const string Currency = "EUR";

    public static IReadOnlyList<Product> Products { get; } =
    [
        new("SKU-1", "Coffee, 1 kg", Currency, 19.90m),
        new("SKU-2", "Filter papers, 100", Currency, 5.00m),
        new("SKU-3", "Kettle", Currency, 64.50m),
        new("SKU-4", "Hand grinder", Currency, 89.00m),
        new("SKU-5", "Cup", Currency, 12.25m),
        new("SKU-6", "Scale", Currency, 34.99m),
        new("SKU-7", "Dripper", Currency, 23.40m),
        new("SKU-8", "Descaler", Currency, 7.95m),
    ];

    private static readonly FrozenDictionary<string, Product> BySku = Products.ToFrozenDictionary(product => product.Sku);

    public static Product? Find(string? sku) => sku is null ? null : BySku.GetValueOrDefault(sku);

    [Tags("Products"), EndpointSummary("List what the shop sells")]
    public static Ok<IReadOnlyList<Product>> List() => TypedResults.Ok(Products);
}
