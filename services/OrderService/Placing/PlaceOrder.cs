using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using EventShop.Contracts;
using EventShop.Messaging;
using EventShop.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace OrderService;

/// <summary><c>POST /orders</c>: checks the request, prices it, and answers when the order and its event are on disk.</summary>
public static partial class PlaceOrder
{
    public const int MaxLines = 50;
    public const int MaxQuantity = 1000;

    /// <summary>What the card gateway captures at one time. A larger order could only be declined, after it had been taken.</summary>
    public const decimal MaxTotal = 1_000_000m;

    /// <param name="CustomerId">1 to 64 letters, digits and <c>. _ @ -</c>.</param>
    /// <param name="Items">1 to 50 lines, which come to 1,000,000.00 at most.</param>
    /// <param name="PaymentToken">What the gateway gave the customer for a card, never a card's number.</param>
    public sealed record Request(string? CustomerId, IReadOnlyList<Line?>? Items, string? PaymentToken);

    /// <param name="Quantity">1 to 1000.</param>
    public sealed record Line(string? Sku, int? Quantity);

    /// <param name="Status">Always <c>Pending</c>: the payment is decided later.</param>
    public sealed record Response(
        Guid Id, string CustomerId, OrderStatus Status, string Currency, decimal Total, IReadOnlyList<OrderLine> Items,
        DateTimeOffset CreatedAt);

    /// <summary>With a key, a repeated request gets the answer of the first. Only that is kept: a refused request may be put right.</summary>
    [Tags("Orders"), EndpointSummary("Place an order")]
    [EndpointDescription("Priced from the catalogue, stored, and Pending until its payment is decided. Repeated with the same Idempotency-Key it is one order, and the answer has the header Idempotent-Replayed.")]
    [Refuses(StatusCodes.Status409Conflict, "A request with this Idempotency-Key is in progress: ask again.")]
    [Refuses(StatusCodes.Status422UnprocessableEntity, "This Idempotency-Key was used with another request.")]
    [Refuses(StatusCodes.Status429TooManyRequests, RateLimit.Refusal)]
    [Refuses(StatusCodes.Status503ServiceUnavailable, "Too many requests are waiting, or the database does not answer.")]
    public static async Task<Results<CreatedJson<Response>, ValidationProblem, ProblemHttpResult>> HandleAsync(
        Request request, [FromHeader(Name = IdempotencyKey.Header)] string? idempotencyKey,
        OrderStore orders, PlaceOnceStore ordersOnce, HttpResponse http, TimeProvider clock)
    {
        var errors = Check(request);
        if (idempotencyKey is not null && !IdempotencyKey.IsValid(idempotencyKey))
            errors[IdempotencyKey.Header] = ["must be 1 to 255 visible ASCII characters"];
        if (errors.Count > 0)
            return TypedResults.ValidationProblem(errors);

        var now = clock.GetUtcNow();
        var lines = request.Items!.Select(line => new OrderLine(line!.Sku!, line.Quantity!.Value, Catalogue.Find(line.Sku)!.Price));
        var order = Order.Place(Guid.CreateVersion7(now), request.CustomerId!, [.. lines], now, Activity.Current?.TraceId.ToString());
        var created = OutboxEvent.Of(new OrderCreated(
            order.Id, order.CustomerId, order.Currency, order.Total, request.PaymentToken!, order.Items, order.CreatedAt), order.Id, now, id: order.Id);
        var answer = new Response(
            order.Id, order.CustomerId, order.Status, order.Currency, order.Total, order.Items, order.CreatedAt);

        if (idempotencyKey is null)
        {
            await orders.PlaceAsync(order, created);
            return new CreatedJson<Response>($"/orders/{answer.Id}", answer, OrderJson.Default.Response);
        }
        var placed = await ordersOnce.PlaceAsync(IdempotencyKey.Of(idempotencyKey, request), order, created, answer);
        if (placed.Answer is not { } first)
            return placed.IsReplay
                ? TypedResults.Problem($"This {IdempotencyKey.Header} was used with another request.", statusCode: StatusCodes.Status422UnprocessableEntity)
                : TypedResults.Problem($"A request with this {IdempotencyKey.Header} is in progress.", statusCode: StatusCodes.Status409Conflict);
        if (placed.IsReplay)
            http.Headers[IdempotencyKey.ReplayedHeader] = "true";
        return new CreatedJson<Response>($"/orders/{first.Id}", first, OrderJson.Default.Response);
    }

    /// <returns>One entry for each bad field; empty when the request is good.</returns>
    public static Dictionary<string, string[]> Check(Request request)
    {
        var errors = new Dictionary<string, string[]>();
        if (request.CustomerId is not { } customer || !IsCustomerId(customer))
            errors["customerId"] = ["must be 1 to 64 letters, digits or . _ @ -"];
        if (request.PaymentToken is not { } token || !Token().IsMatch(token))
            errors["paymentToken"] = ["must be 1 to 64 letters, digits, _ or -, for example tok_ok"];

        if (request.Items is not { Count: > 0 and <= MaxLines } items)
        {
            errors["items"] = [$"must have 1 to {MaxLines} lines"];
            return errors;
        }
        var total = 0m;
        for (var i = 0; i < items.Count; i++)
        {
            var product = Catalogue.Find(items[i]?.Sku);
            if (product is null)
                errors[$"items[{i}].sku"] = ["must be the sku of a product in GET /products"];
            if (items[i]?.Quantity is >= 1 and <= MaxQuantity and var quantity)
                total += quantity * product?.Price ?? 0;
            else
                errors[$"items[{i}].quantity"] = [$"must be a whole number from 1 to {MaxQuantity}"];
        }
        if (total > MaxTotal)
            errors["items"] = [string.Create(CultureInfo.InvariantCulture, $"must come to {MaxTotal:F2} {Catalogue.Currency} at most")];
        return errors;
    }

    public static bool IsCustomerId(string text) => Customer().IsMatch(text);

    [GeneratedRegex(@"^[A-Za-z0-9._@-]{1,64}\z")]
    private static partial Regex Customer();

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,64}\z")]
    private static partial Regex Token();
}
