using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>What the services say of themselves is what they do: their OpenAPI documents and their .http files.</summary>
public sealed partial class ApiDescriptionTests(SharedShop shared) : IClassFixture<SharedShop>
{
    private readonly RunningShop _shop = shared.Shop;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private static readonly string[] OperatorCalls =
    [
        "GET /dead-letters", "GET /dead-letters/{id}", "POST /dead-letters/{id}/redrive", "POST /dead-letters/redrive",
        "DELETE /dead-letters/{id}",
        "GET /parked-events", "GET /parked-events/{id}", "POST /parked-events/{id}/resend", "POST /parked-events/resend", "DELETE /parked-events/{id}",
    ];

    [Theory]
    [InlineData("OrderService", "POST /orders", 201, 400, 409, 413, 415, 422, 429, 503)]
    [InlineData("OrderService", "GET /orders", 200, 400, 503)]
    [InlineData("OrderService", "GET /orders/{id}", 200, 404, 503)]
    [InlineData("OrderService", "GET /orders/{id}/events", 200, 204, 400, 404, 429, 503)]
    [InlineData("OrderService", "POST /orders/{id}/cancel", 202, 404, 409, 429, 503)]
    [InlineData("OrderService", "GET /products", 200)]
    [InlineData("PaymentService", "GET /payments/{orderId}", 200, 404, 503)]
    [InlineData("PaymentGateway", "POST /charges", 201, 400, 402, 409, 413, 415, 422, 503)]
    [InlineData("PaymentGateway", "GET /charges", 200, 400)]
    [InlineData("PaymentGateway", "POST /refunds", 201, 400, 404, 409, 413, 415, 422, 503)]
    [InlineData("PaymentGateway", "GET /chaos", 200)]
    [InlineData("PaymentGateway", "PUT /chaos", 200, 400, 413, 415)]
    public async Task A_call_is_described_with_every_answer_it_may_give(string service, string call, params int[] statuses)
    {
        var operation = (await CallsAsync(service))[call];

        Assert.NotEmpty(operation.GetProperty("summary").GetString()!);
        var responses = operation.GetProperty("responses").EnumerateObject().ToArray();
        Assert.Equal(statuses, responses.Select(response => int.Parse(response.Name)).Order());
        foreach (var response in responses)
        {
            Assert.NotEmpty(response.Value.GetProperty("description").GetString()!);
            var status = int.Parse(response.Name);
            if (status is 204)
                continue;
            foreach (var body in response.Value.GetProperty("content").EnumerateObject())
            {
                Assert.True(body.Value.TryGetProperty("schema", out _), $"{call} {status}: {body.Name} has no schema");
                Assert.True(
                    body.Name == "text/event-stream" || body.Value.TryGetProperty("example", out _), $"{call} {status}: {body.Name} has no example");
                Assert.Equal(status >= 400 && status != 402, body.Name == "application/problem+json");
            }
        }
    }

    [Theory]
    [InlineData("OrderService", 6)]
    [InlineData("PaymentService", 1)]
    [InlineData("PaymentGateway", 5)]
    public async Task No_call_is_left_out_and_the_http_file_has_each(string service, int calls)
    {
        var described = (await CallsAsync(service)).Keys.ToArray();
        Assert.Equal(calls, described.Length);

        string[] others = ["GET /health", "GET /ready", "GET /alive", "GET /metrics", "GET /openapi/v1.json", .. service == "PaymentGateway" ? [] : OperatorCalls];
        var file = await File.ReadAllTextAsync(Repository.File($"services/{service}/{service}.http"), Cancelled);
        var requests = HttpFileRequest().Matches(file).Select(match => match.Groups["verb"].Value + match.Groups["path"].Value).ToArray();
        foreach (var call in described.Concat(others))
            Assert.True(requests.Any(request => IsRequestOf(call, request)), $"{service}.http has no {call}; it has {string.Join(", ", requests)}");
        foreach (var request in requests)
            Assert.True(described.Concat(others).Any(call => IsRequestOf(call, request)), $"{service}.http has {request}, which {service} has not");
    }

    [Theory]
    [InlineData("OrderService", "Line", "Request")]
    [InlineData("PaymentService")]
    [InlineData("PaymentGateway", "ChaosSettings", "ChargeRequest", "RefundRequest")]
    public async Task What_is_read_has_no_other_members_and_what_is_answered_may_have(string service, params string[] closed)
    {
        var document = await Process(service).Client.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancelled);

        var schemas = document.GetProperty("components").GetProperty("schemas").EnumerateObject().ToArray();
        Assert.Contains("ProblemDetails", schemas.Select(schema => schema.Name));
        Assert.Equal(
            closed,
            schemas.Where(schema => schema.Value.TryGetProperty("additionalProperties", out var others) && others.ValueKind is JsonValueKind.False)
                .Select(schema => schema.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_examples_of_request_bodies_are_accepted()
    {
        var placed = await SendExampleAsync("OrderService", "POST /orders");
        Assert.Equal(HttpStatusCode.Created, placed.Status);

        var charged = await SendExampleAsync("PaymentGateway", "POST /charges");
        Assert.Equal(HttpStatusCode.Created, charged.Status);
        // The one thing an example cannot know.
        var refunded = await SendExampleAsync("PaymentGateway", "POST /refunds", body => body["chargeId"] = charged.Body.GetProperty("id").GetString());
        Assert.Equal(HttpStatusCode.Created, refunded.Status);

        var changed = await SendExampleAsync("PaymentGateway", "PUT /chaos");
        Assert.Equal(HttpStatusCode.OK, changed.Status);
        await _shop.ChaosAsync(new { });

        var withBody = (await CallsAsync("OrderService")).Concat(await CallsAsync("PaymentGateway")).Concat(await CallsAsync("PaymentService"))
            .Where(call => call.Value.TryGetProperty("requestBody", out _)).Select(call => call.Key);
        Assert.Equal(["POST /charges", "POST /orders", "POST /refunds", "PUT /chaos"], withBody.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_is_answered_is_described()
    {
        var id = await _shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await _shop.StatusAsync(id) == "Paid", TimeSpan.FromSeconds(90));
        const string order = """{"customerId":"c","items":[{"sku":"SKU-1","quantity":1}],"paymentToken":"tok_ok"}""";
        const string charge = """{"orderId":"0198c2f0-4a4e-7b6e-9a51-6a1c0ce2a7d4","amount":1.00,"currency":"EUR","paymentToken":"tok_declined"}""";
        var nobody = Guid.NewGuid();

        await AnsweredAsync("OrderService", "POST /orders", "/orders", 201, order, "k-1");
        await AnsweredAsync("OrderService", "POST /orders", "/orders", 422, order.Replace("SKU-1", "SKU-2", StringComparison.Ordinal), "k-1");
        await AnsweredAsync("OrderService", "POST /orders", "/orders", 400, "{}");
        await AnsweredAsync("OrderService", "POST /orders", "/orders", 413, new string(' ', 100_000));
        await AnsweredAsync("OrderService", "POST /orders", "/orders", 415, order, contentType: "text/plain");
        await AnsweredAsync("OrderService", "GET /orders", "/orders", 200);
        await AnsweredAsync("OrderService", "GET /orders", "/orders?limit=0", 400);
        await AnsweredAsync("OrderService", "GET /orders/{id}", $"/orders/{id}", 200);
        await AnsweredAsync("OrderService", "GET /orders/{id}", $"/orders/{nobody}", 404);
        await AnsweredAsync("OrderService", "GET /orders/{id}/events", $"/orders/{id}/events", 200);
        await AnsweredAsync("OrderService", "GET /orders/{id}/events", $"/orders/{nobody}/events", 404);
        await AnsweredAsync("OrderService", "POST /orders/{id}/cancel", $"/orders/{id}/cancel", 202, "");
        await AnsweredAsync("OrderService", "POST /orders/{id}/cancel", $"/orders/{nobody}/cancel", 404, "");
        await AnsweredAsync("OrderService", "GET /products", "/products", 200);
        await AnsweredAsync("PaymentService", "GET /payments/{orderId}", $"/payments/{id}", 200);
        await AnsweredAsync("PaymentService", "GET /payments/{orderId}", $"/payments/{nobody}", 404);
        await AnsweredAsync("PaymentGateway", "POST /charges", "/charges", 402, charge, "k-1");
        await AnsweredAsync("PaymentGateway", "POST /charges", "/charges", 422, charge.Replace("1.00", "2.00", StringComparison.Ordinal), "k-1");
        await AnsweredAsync("PaymentGateway", "POST /charges", "/charges", 400, charge);
        await AnsweredAsync("PaymentGateway", "GET /charges", $"/charges?orderId={id}", 200);
        await AnsweredAsync("PaymentGateway", "GET /charges", "/charges?orderId=x", 400);
        await AnsweredAsync("PaymentGateway", "POST /refunds", "/refunds", 404, $$"""{"chargeId":"ch_1","orderId":"{{nobody}}","amount":1}""", "k-1");
        await AnsweredAsync("PaymentGateway", "GET /chaos", "/chaos", 200);
        await AnsweredAsync("PaymentGateway", "PUT /chaos", "/chaos", 400, """{"errorRate":2}""");
    }

    private ServiceProcess Process(string service) => service switch
    {
        "OrderService" => _shop.OrderService,
        "PaymentService" => _shop.PaymentService,
        _ => _shop.Gateway,
    };

    /// <returns>What the document says of each call, by <c>VERB /path</c>.</returns>
    private async Task<Dictionary<string, JsonElement>> CallsAsync(string service)
    {
        var document = await Process(service).Client.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancelled);
        return document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(verb => (Call: $"{verb.Name.ToUpperInvariant()} {path.Name}", verb.Value)))
            .ToDictionary(call => call.Call, call => call.Value);
    }

    private async Task<(HttpStatusCode Status, JsonElement Body)> SendExampleAsync(string service, string call, Action<JsonNode>? complete = null)
    {
        var operation = (await CallsAsync(service))[call];
        var example = JsonNode.Parse(operation.GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("example").GetRawText())!;
        complete?.Invoke(example);
        using var response = await SendAsync(service, call, call.Split(' ')[1], example.ToJsonString(), Guid.NewGuid().ToString());
        return (response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>(Cancelled));
    }

    private async Task AnsweredAsync(
        string service, string call, string path, int status, string? body = null, string? key = null, string contentType = "application/json")
    {
        var described = (await CallsAsync(service))[call].GetProperty("responses");
        using var response = await SendAsync(service, call, path, body, key, contentType);

        Assert.True(status == (int)response.StatusCode, $"{call}: {(int)response.StatusCode} instead of {status}");
        var content = described.GetProperty($"{status}").GetProperty("content").EnumerateObject().Select(media => media.Name);
        Assert.Contains(response.Content.Headers.ContentType?.MediaType, content);
    }

    private async Task<HttpResponseMessage> SendAsync(
        string service, string call, string path, string? body, string? key, string contentType = "application/json")
    {
        using var request = new HttpRequestMessage(new(call.Split(' ')[0]), path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, contentType);
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        return await Process(service).Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancelled);
    }

    /// <summary>Segment by segment; what is a placeholder in the call is anything in the request.</summary>
    private static bool IsRequestOf(string call, string request)
    {
        var (wanted, given) = (call.Split('/'), request.Split('/'));
        return wanted.Length == given.Length
            && wanted.Zip(given).All(pair => pair.First == pair.Second || pair.First.StartsWith('{'));
    }

    // A request line without its variable host and its query: GET {{orders}}/orders?limit=1
    [GeneratedRegex(@"(?m)^(?<verb>(?:GET|POST|PUT|PATCH|DELETE) )\{\{\w+\}\}(?<path>/[^\s?]*)")]
    private static partial Regex HttpFileRequest();
}
