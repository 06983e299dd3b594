using System.Globalization;
using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace OrderService;

/// <summary><c>GET /orders?customerId=&amp;status=&amp;after=&amp;limit=</c>: a page of orders, newest first.</summary>
public static class ListOrders
{
    /// <param name="Next">For <c>after</c>, to get the next page; null on the last one.</param>
    public sealed record Page(IReadOnlyList<Order> Orders, string? Next);

    [Tags("Orders"), EndpointSummary("List orders, newest first")]
    [EndpointDescription("A page of a customer's orders, of those in a status, or of all. The page's next is the after of the page that follows.")]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "The database does not answer.")]
    public static async Task<Results<Ok<Page>, ValidationProblem>> HandleAsync(
        string? customerId, string? status, string? after, string? limit, OrderStore orders, CancellationToken cancellationToken)
    {
        if (Read(customerId, status, after, limit, out var page) is { Count: > 0 } errors)
            return TypedResults.ValidationProblem(errors);
        var (found, hasMore) = await orders.ListAsync(page, cancellationToken);
        return TypedResults.Ok(new Page(found, hasMore ? OrderPage.Cursor(found[^1].Id) : null));
    }

    /// <returns>One entry for each bad parameter; empty when all are good.</returns>
    private static Dictionary<string, string[]> Read(string? customerId, string? status, string? after, string? limit, out OrderPage page)
    {
        var errors = new Dictionary<string, string[]>();
        if (customerId is not null && !PlaceOrder.IsCustomerId(customerId))
            errors["customerId"] = ["must be 1 to 64 letters, digits or . _ @ -"];

        OrderStatus? wanted = null;
        if (status is not null)
        {
            // Enum.Parse also takes numbers.
            if (Enum.GetNames<OrderStatus>().Contains(status, StringComparer.Ordinal))
                wanted = Enum.Parse<OrderStatus>(status);
            else
                errors["status"] = [$"must be one of {string.Join(", ", Enum.GetNames<OrderStatus>())}"];
        }

        Guid? last = null;
        if (after is not null)
        {
            if (OrderPage.TryReadCursor(after, out var id))
                last = id;
            else
                errors["after"] = ["must be the next of a page"];
        }

        var count = OrderPage.DefaultLimit;
        if (limit is not null && (!int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out count) || count is < 1 or > OrderPage.MaxLimit))
            errors["limit"] = [$"must be a whole number from 1 to {OrderPage.MaxLimit}"];

        page = new(customerId, wanted, last, count);
        return errors;
    }
}
