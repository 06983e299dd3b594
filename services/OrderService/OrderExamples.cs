using EventShop.Contracts;
using EventShop.ServiceDefaults;

namespace OrderService;

/// <summary>What bodies look like, for the OpenAPI document.</summary>
internal static class OrderExamples
{
    public static void AddTo(ApiExamples examples)
    {
        var id = new Guid("0198c2f0-4a4e-7b6e-9a51-6a1c0ce2a7d4");
        var at = new DateTimeOffset(2026, 1, 2, 10, 30, 0, TimeSpan.Zero);
        const string trace = "4312ad0fe268d2282b654ceda34a150b";
        OrderLine[] lines = [new("SKU-1", 2, 19.90m), new("SKU-2", 1, 5.00m)];
        var placed = Order.Place(id, "c-42", lines, at, trace);
        var paid = placed with { Status = OrderStatus.Paid, History = [.. placed.History, Order.Pay(id, placed.Price, at.AddMilliseconds(38), trace).Entry] };

        examples
            .Add(new PlaceOrder.Request("c-42", [new("SKU-1", 2), new("SKU-2", 1)], "tok_ok"))
            .Add(new PlaceOrder.Response(id, placed.CustomerId, placed.Status, placed.Currency, placed.Total, lines, at))
            .Add(paid)
            .Add(new ListOrders.Page([paid], OrderPage.Cursor(id)))
            .Add(Catalogue.Products);
    }
}
