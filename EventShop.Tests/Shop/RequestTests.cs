using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>How a request may be sent: what cannot be read gets an answer that says why, whichever service it is sent to.</summary>
public sealed class RequestTests(SharedShop shared) : IClassFixture<SharedShop>
{
    private const string Order = """{"customerId":"c","items":[{"sku":"SKU-1","quantity":1}],"paymentToken":"tok_ok"}""";

    private readonly RunningShop _shop = shared.Shop;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Readable => With(
        "application/json", "application/json;charset=utf-8", "application/json; charset=UTF-8", "application/json; charset=\"utf-8\"",
        "application/json; charset=\"Utf-8\"", "application/json; CHARSET=\"UTF\\-8\"", "application/json; profile=x; charset=\"utf-8\"",
        "application/vnd.shop+json; charset=\"utf-8\"");

    public static TheoryData<string, string> Unreadable => With(
        "application/json; charset=utf8", "application/json; charset=\"utf8\"", "application/json; charset=utf-7", "application/json; charset=utf-16",
        "application/json; charset=utf-32", "application/json; charset=iso-8859-1", "application/json; charset=us-ascii", "application/json; charset=windows-1252",
        "application/json; charset=nonsense", "application/json; charset=", "application/json; charset=\"\"", "application/json; charset=\" utf-8\"",
        "application/json; charset='utf-8'", "application/json; charset=utf-8; charset=utf-7", "application/vnd.shop+json; charset=utf8",
        "text/plain", "text/json; charset=utf-8", "application/jsonx", "application", "");

    public static TheoryData<string, string> Encodings => With("gzip", "br", "deflate", "zstd", "x-gzip", "GZIP", "gzip, identity", "identity, gzip", "gzip, gzip", "nonsense", "utf-8", "*");

    [Theory]
    [MemberData(nameof(Readable))]
    public async Task JSON_in_UTF8_is_read_however_its_charset_is_written(string call, string contentType)
    {
        var answer = await SendAsync(call, $"Content-Type: {contentType}");

        Assert.True(answer.Status is 201 or 200 or 404, answer.Headers + answer.Body);
    }

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task Another_charset_or_media_type_is_a_415_that_says_what_is_read(string call, string contentType)
    {
        var answer = await SendAsync(call, $"Content-Type: {contentType}");

        AssertProblem(answer, 415, "UTF-8", "application/json");
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public async Task A_compressed_body_is_a_415_that_says_so(string call, string encoding)
    {
        var answer = await SendAsync(call, $"Content-Type: application/json\nContent-Encoding: {encoding}");

        AssertProblem(answer, 415, "not compressed", "Content-Encoding");
        Assert.Contains("Accept-Encoding: identity", answer.Headers, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("Content-Encoding:")]
    [InlineData("Content-Encoding: identity")]
    [InlineData("Content-Encoding: Identity, identity")]
    public async Task A_body_that_says_it_is_not_compressed_is_read(string header)
    {
        var answer = await SendAsync("POST /orders", $"Content-Type: application/json\n{header}");

        Assert.Equal(201, answer.Status);
    }

    [Theory]
    [InlineData("POST /orders", "Idempotency-Key: schl\u00FCssel")]
    [InlineData("POST /orders", "X-Name: \u00E9")]
    [InlineData("POST /orders", "User-Agent: \u00FF\u00FE")]
    [InlineData("POST /orders", "Cookie: a=\u0080")]
    [InlineData("POST /charges", "X-Name: \u00E9")]
    [InlineData("PUT /chaos", "X-Name: \u00ED\u00A0\u0080")]
    public async Task A_header_that_is_not_UTF8_is_a_400_that_names_it(string call, string header)
    {
        var answer = await SendAsync(call, $"Content-Type: application/json\n{header}");

        AssertProblem(answer, 400, header.Split(':')[0], "is not UTF-8");
    }

    [Theory]
    [InlineData("GET /health")]
    [InlineData("GET /products")]
    [InlineData("GET /nowhere")]
    [InlineData("DELETE /orders")]
    public async Task A_header_that_is_not_UTF8_is_a_400_wherever_it_is_sent(string request)
    {
        var answer = await RawHttp.SendAsync(_shop.OrderService.BaseAddress, $"{request} HTTP/1.1\nX-Name: \u00E9");

        AssertProblem(answer, 400, "X-Name", "is not UTF-8");
    }

    [Fact]
    public async Task A_header_in_UTF8_is_read()
    {
        // é, in UTF-8.
        var order = await SendAsync("POST /orders", "Content-Type: application/json\nX-Name: \u00C3\u00A9");
        var key = await SendAsync("POST /orders", "Content-Type: application/json\nIdempotency-Key: \u00C3\u00A9");

        Assert.Equal(201, order.Status);
        AssertProblem(key, 400, "Idempotency-Key", "visible ASCII");
    }

    [Theory]
    [InlineData("POST /orders", "{", 400, "malformed")]
    [InlineData("POST /orders", "{}", 400, "customerId")]
    [InlineData("POST /charges", "{", 400, "malformed")]
    [InlineData("PUT /chaos", """{"foo":2}""", 400, "is unknown")]
    [InlineData("GET /refunds", "", 405, "Method Not Allowed")]
    [InlineData("POST /nowhere", "{}", 404, "Not Found")]
    public async Task What_is_wrong_is_told_also_to_a_client_that_accepts_something_else(string call, string body, int status, string mentions)
    {
        var server = (call is "POST /orders" or "POST /nowhere" ? _shop.OrderService : _shop.Gateway).BaseAddress;

        foreach (var accept in new[] { "text/plain", "text/html", "text/event-stream", "image/png;q=0" })
            AssertProblem(
                await RawHttp.SendAsync(server, $"{call} HTTP/1.1\nContent-Type: application/json\nAccept: {accept}", Encoding.UTF8.GetBytes(body)),
                status, mentions);
    }

    [Theory]
    [InlineData("OrderService")]
    [InlineData("PaymentGateway")]
    public async Task Headers_and_a_target_that_are_too_long_are_refused_with_the_limit(string service)
    {
        var server = (service is "OrderService" ? _shop.OrderService : _shop.Gateway).BaseAddress;

        var large = await RawHttp.SendAsync(server, $"GET /openapi/v1.json HTTP/1.1\nX-Large: {new string('x', 33_000)}");
        var many = await RawHttp.SendAsync(server, $"GET /openapi/v1.json HTTP/1.1\n{string.Join('\n', Enumerable.Range(0, 110).Select(i => $"X-{i}: x"))}");
        var target = await RawHttp.SendAsync(server, $"GET /openapi/v1.json?x={new string('x', 9_000)} HTTP/1.1");
        var fits = await RawHttp.SendAsync(server, $"GET /openapi/v1.json?x={new string('x', 7_000)} HTTP/1.1\nX-Large: {new string('x', 30_000)}");

        AssertProblem(large, 431, "32768");
        AssertProblem(many, 431, "100 headers");
        AssertProblem(target, 414, "8192");
        Assert.Equal(200, fits.Status);
    }

    [Fact]
    public async Task A_body_that_turns_out_too_large_is_a_413_that_says_how_large_it_may_be()
    {
        using var content = new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes($"{{\"customerId\":\"{new string('x', 100_000)}\"}}")));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = content };
        // Its length is not told beforehand.
        request.Headers.TransferEncodingChunked = true;

        using var answer = await _shop.OrderService.Client.SendAsync(request, Cancelled);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains("65536", await answer.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_comes_too_slowly_is_a_408_that_says_so()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_shop.OrderService.BaseAddress.Host, _shop.OrderService.BaseAddress.Port, Cancelled);
        var stream = client.GetStream();

        await stream.WriteAsync("POST /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"u8.ToArray(), Cancelled);

        AssertProblem(await RawHttp.ReadAsync(stream), 408, "too slowly");
    }

    [Theory]
    [InlineData("OrderService")]
    [InlineData("PaymentService")]
    [InlineData("PaymentGateway")]
    public async Task HEAD_is_answered_where_GET_is_like_GET_without_its_body(string service)
    {
        var process = service switch { "OrderService" => _shop.OrderService, "PaymentService" => _shop.PaymentService, _ => _shop.Gateway };
        var id = await _shop.PlaceAsync();
        await Eventually.True("it is paid", async () => await _shop.StatusAsync(id) == "Paid", TimeSpan.FromSeconds(90));
        var document = await process.Client.GetFromJsonAsync<JsonElement>("/openapi/v1.json", Cancelled);
        string[] described = [.. document.GetProperty("paths").EnumerateObject()
            .Where(path => path.Value.TryGetProperty("get", out _))
            .SelectMany(path => new[] { id, Guid.Empty }.Select(order => path.Name.Replace("{id}", $"{order}", StringComparison.Ordinal).Replace("{orderId}", $"{order}", StringComparison.Ordinal)))];
        string[] others = ["/health", "/ready", "/alive", "/metrics", "/openapi/v1.json", "/orders?limit=x", "/nowhere", .. service == "PaymentGateway" ? [] : new[] { "/dead-letters", "/dead-letters/00000000-0000-0000-0000-000000000001" }];

        foreach (var path in described.Concat(others).Distinct())
        {
            using var got = await process.Client.GetAsync(path, Cancelled);
            using var head = await process.Client.SendAsync(new(HttpMethod.Head, path), Cancelled);
            Assert.Equal(
                $"{path} {got.StatusCode} {got.Content.Headers.ContentType?.MediaType}",
                $"{path} {head.StatusCode} {head.Content.Headers.ContentType?.MediaType}");
            Assert.Empty(await head.Content.ReadAsByteArrayAsync(Cancelled));
        }
    }

    [Fact]
    public async Task HEAD_of_a_live_event_stream_ends_at_once_and_HEAD_of_what_only_changes_things_is_refused()
    {
        await _shop.ChaosAsync(new { hangRate = 1 });
        var id = await _shop.PlaceAsync();

        using var stream = await _shop.OrderService.Client.SendAsync(new(HttpMethod.Head, $"/orders/{id}/events"), Cancelled);
        using var cancel = await _shop.OrderService.Client.SendAsync(new(HttpMethod.Head, $"/orders/{id}/cancel"), Cancelled);

        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (stream.StatusCode, stream.Content.Headers.ContentType?.MediaType));
        Assert.Equal((HttpStatusCode.MethodNotAllowed, "POST"), (cancel.StatusCode, cancel.Content.Headers.Allow.Single()));
        Assert.Equal("Pending", await _shop.StatusAsync(id));
        await _shop.ChaosAsync(new { });
    }

    /// <summary>Each with every endpoint that reads a body.</summary>
    private static TheoryData<string, string> With(params string[] values) =>
        [.. from call in new[] { "POST /orders", "POST /charges", "POST /refunds", "PUT /chaos" } from value in values select (call, value)];

    private Task<RawAnswer> SendAsync(string call, string headers)
    {
        var (service, body) = call switch
        {
            "POST /orders" => (_shop.OrderService, Order),
            "POST /charges" => (_shop.Gateway, $$"""{"orderId":"{{Guid.NewGuid()}}","amount":1,"currency":"EUR","paymentToken":"tok_ok"}"""),
            "POST /refunds" => (_shop.Gateway, $$"""{"chargeId":"ch_1","orderId":"{{Guid.NewGuid()}}","amount":1}"""),
            _ => (_shop.Gateway, "{}"),
        };
        var key = call is "POST /orders" ? "" : $"\nIdempotency-Key: {Guid.NewGuid()}";
        return RawHttp.SendAsync(service.BaseAddress, $"{call} HTTP/1.1\n{headers}{key}", Encoding.UTF8.GetBytes(body));
    }

    private static void AssertProblem(RawAnswer answer, int status, params string[] mentions)
    {
        Assert.True(answer.Status == status, answer.Headers + answer.Body);
        Assert.Contains("application/problem+json", answer.Headers, StringComparison.Ordinal);
        Assert.All(mentions, mention => Assert.Contains(mention, answer.Body, StringComparison.Ordinal));
    }
}
