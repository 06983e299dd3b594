using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace EventShop.Tests.Shop;

/// <summary>Bad input gets a problem document that names each field, and leaves no row anywhere.</summary>
public sealed class BadOrderTests(SharedShop shared) : IClassFixture<SharedShop>
{
    private readonly RunningShop _shop = shared.Shop;

    [Theory]
    [InlineData("{", "$")]
    [InlineData("", "$")]
    [InlineData("null", "$")]
    [InlineData("[]", "$")]
    [InlineData("{}", "customerId", "items", "paymentToken")]
    [InlineData("""{"customerId":"","items":[],"paymentToken":""}""", "customerId", "items", "paymentToken")]
    [InlineData("""{"customerId":"c 1","items":[null],"paymentToken":"tok ok"}""", "customerId", "items[0].quantity", "items[0].sku", "paymentToken")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-99","quantity":1}],"paymentToken":"tok_ok"}""", "items[0].sku")]
    [InlineData("""{"customerId":"c","items":[{"quantity":1}],"paymentToken":"tok_ok"}""", "items[0].sku")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1"}],"paymentToken":"tok_ok"}""", "items[0].quantity")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":0}],"paymentToken":"tok_ok"}""", "items[0].quantity")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":-1}],"paymentToken":"tok_ok"}""", "items[0].quantity")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":1},{"sku":"SKU-1","quantity":1000000000}],"paymentToken":"tok_ok"}""", "items[1].quantity")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":10000000000}],"paymentToken":"tok_ok"}""", "items[0].quantity")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":1.5}],"paymentToken":"tok_ok"}""", "items[0].quantity")]
    [InlineData("""{"customerId":7,"items":[{"sku":"SKU-1","quantity":1}],"paymentToken":"tok_ok"}""", "customerId")]
    public async Task A_body_with_bad_fields_is_refused_with_one_entry_for_each(string body, params string[] fields)
    {
        var problem = await RefusedAsync(new StringContent(body, Encoding.UTF8, "application/json"), HttpStatusCode.BadRequest);

        var errors = problem.GetProperty("errors").EnumerateObject().ToArray();
        Assert.Equal(fields.Order(StringComparer.Ordinal), errors.Select(error => error.Name).Order(StringComparer.Ordinal));
        Assert.All(errors, error => Assert.NotEmpty(error.Value[0].GetString()!));
    }

    [Theory]
    [InlineData(12)]
    [InlineData(50)]
    public async Task An_order_of_more_than_the_gateway_captures_is_refused_with_the_limit(int lines)
    {
        var problem = await RefusedAsync(new StringContent(Expensive(lines), Encoding.UTF8, "application/json"), HttpStatusCode.BadRequest);

        var error = Assert.Single(problem.GetProperty("errors").EnumerateObject());
        Assert.Equal("items", error.Name);
        Assert.Contains("1000000.00 EUR", error.Value[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_of_a_megabyte_is_refused_and_the_answer_says_how_large_it_may_be()
    {
        var problem = await RefusedAsync(
            new StringContent($$"""{"customerId":"{{new string('x', 1_000_000)}}"}""", Encoding.UTF8, "application/json"),
            HttpStatusCode.RequestEntityTooLarge);

        Assert.Contains("65536", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_is_not_JSON_by_its_content_type_is_refused_and_the_answer_says_what_is_taken()
    {
        var problem = await RefusedAsync(new StringContent("{}", Encoding.UTF8, "text/plain"), HttpStatusCode.UnsupportedMediaType);

        Assert.Contains("application/json", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/orders/0192f3a0-0000-7000-8000-000000000000")]
    [InlineData("/orders/nothing")]
    [InlineData("/nothing")]
    public async Task What_is_not_there_is_a_problem_document_too(string path)
    {
        using var response = await _shop.OrderService.Client.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
    }

    /// <summary>Each line is 89,000.00.</summary>
    public static string Expensive(int lines) =>
        $$"""{"customerId":"c","items":[{{string.Join(',', Enumerable.Repeat("""{"sku":"SKU-4","quantity":1000}""", lines))}}],"paymentToken":"tok_ok"}""";

    private async Task<JsonElement> RefusedAsync(HttpContent body, HttpStatusCode status)
    {
        using var response = await _shop.PostAsync(body);

        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        foreach (var table in new[] { "orders", "outbox", "outbox_unsent" })
            Assert.Equal(0L, await _shop.OrdersAsync($"select count(*) from {table}"));
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
