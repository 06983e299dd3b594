using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary>What every endpoint with a body accepts as JSON, and what it does not. What could be meant in two ways is refused.</summary>
public sealed class JsonAcceptanceTests(SharedShop shared) : IClassFixture<SharedShop>
{
    private const string Whole = "$";

    private readonly RunningShop _shop = shared.Shop;

    /// <summary>A good body for each, whose first member is <see cref="Endpoint.Member"/>.</summary>
    private static readonly Endpoint[] Endpoints =
    [
        new("POST /orders", "customerId", "items[0].quantity", "2",
            """{"customerId":"c","items":[{"sku":"SKU-1","quantity":2}],"paymentToken":"tok_ok"}"""),
        new("POST /charges", "orderId", "amount", "44.80",
            """{"orderId":"0198c2f0-4a4e-7b6e-9a51-6a1c0ce2a7d4","amount":44.80,"currency":"EUR","paymentToken":"tok_ok"}"""),
        new("POST /refunds", "chargeId", "amount", "44.80",
            """{"chargeId":"ch_1","orderId":"0198c2f0-4a4e-7b6e-9a51-6a1c0ce2a7d4","amount":44.80}"""),
        new("PUT /chaos", "latencyMs", "latencyMs", "0",
            """{"latencyMs":0}"""),
    ];

    private static readonly Spelling[] Spellings =
    [
        Accepted("as it is described", e => e.Body),
        Accepted("white space", e => $" \r\n\t{e.Body.Replace(":", " :\n ", StringComparison.Ordinal)} \n"),
        Accepted("a byte order mark", e => $"\uFEFF{e.Body}"),
        Accepted("an escaped member", e => e.Body.Replace($"\"{e.Member}\"", $"\"\\u{(int)e.Member[0]:x4}{e.Member[1..]}\"", StringComparison.Ordinal)),

        Refused("a member twice", e => e.Member, "given twice", e => $"{e.First},{e.Body[1..]}"),
        Refused("a member twice, once escaped", e => e.Member, "given twice", e => $"{e.First.Replace(e.Member, $"\\u{(int)e.Member[0]:x4}{e.Member[1..]}", StringComparison.Ordinal)},{e.Body[1..]}"),
        Refused("an unknown member", _ => "foo", "unknown", e => $"{{\"foo\":2,{e.Body[1..]}"),
        Refused("an unknown member of another serializer", _ => "$type", "unknown", e => $"{{\"$type\":\"x\",{e.Body[1..]}"),
        Refused("a member in another case", e => Pascal(e.Member), "unknown", e => e.Body.Replace($"\"{e.Member}\"", $"\"{Pascal(e.Member)}\"", StringComparison.Ordinal)),
        Refused("a number as a string", e => e.NumberAt, "wrong type", e => e.WithNumber($"\"{e.Number}\"")),
        Refused("a number with a leading zero", e => e.NumberAt, "malformed", e => e.WithNumber($"0{e.Number}")),
        Refused("a number with a plus", e => e.NumberAt, "malformed", e => e.WithNumber($"+{e.Number}")),
        Refused("a number in hexadecimal", e => e.NumberAt, "malformed", e => e.WithNumber("0x10")),
        Refused("a number without its first digit", e => e.NumberAt, "malformed", e => e.WithNumber(".5")),
        Refused("a number that is none", e => e.NumberAt, "malformed", e => e.WithNumber("NaN")),
        Refused("a number without end", e => e.NumberAt, "malformed", e => e.WithNumber("Infinity")),
        Refused("a number too large", e => e.NumberAt, "wrong type", e => e.WithNumber("1e400")),
        Refused("a number of a thousand digits", e => e.NumberAt, "wrong type", e => e.WithNumber(new string('9', 1000))),
        Refused("a truth for a number", e => e.NumberAt, "wrong type", e => e.WithNumber("true")),
        Refused("an object for a number", e => e.NumberAt, "wrong type", e => e.WithNumber("{}")),
        Refused("an array for a number", e => e.NumberAt, "wrong type", e => e.WithNumber("[1]")),
        Refused("nested a hundred deep", e => e.NumberAt, "wrong type", e => e.WithNumber(new string('[', 100) + new string(']', 100))),
        Refused("a comment", _ => Whole, "malformed", e => $"/* all of it */ {e.Body}"),
        Refused("a comment at the end", _ => Whole, "malformed", e => $"{e.Body} // all of it"),
        Refused("a trailing comma", _ => Whole, "malformed", e => $"{e.Body[..^1]},}}"),
        Refused("single quotes", _ => Whole, "malformed", e => e.Body.Replace('"', '\'')),
        Refused("members without quotes", _ => Whole, "malformed", e => e.Body.Replace($"\"{e.Member}\"", e.Member, StringComparison.Ordinal)),
        Refused("half of it", null, "malformed", e => e.Body[..^1]),
        Refused("two of it", _ => Whole, "malformed", e => $"{e.Body}{e.Body}"),
        Refused("an array of it", _ => Whole, "wrong type", e => $"[{e.Body}]"),
        Refused("a string of it", _ => Whole, "wrong type", e => JsonSerializer.Serialize(e.Body)),
        Refused("half of a character", null, "malformed", e => e.Body.Replace($"\"{e.Member}\"", "\"\\ud83d\"", StringComparison.Ordinal)),
        Refused("half of a character in a text", e => e.Member, "malformed", e => e.Body.Replace($"\"{e.Member}\":\"", $"\"{e.Member}\":\"\\ud83d", StringComparison.Ordinal)),
        Refused("bytes that are no UTF-8 in a text", e => e.Member, "malformed", e => e.Body.Replace($"\"{e.Member}\":\"", $"\"{e.Member}\":\"\uD800", StringComparison.Ordinal)),
        Refused("bytes that are no UTF-8 in a member", null, "unknown", e => e.Body.Replace($"\"{e.Member}\"", "\"\uD800\"", StringComparison.Ordinal)),
        Refused("null", _ => Whole, "required", _ => "null"),
        Refused("nothing", _ => Whole, "required", _ => ""),
        Refused("white space only", _ => Whole, "malformed", _ => "  \n"),
    ];

    /// <summary>Each with each, but for texts where there are none.</summary>
    public static TheoryData<string, string> All =>
    [
        .. from endpoint in Endpoints
           from spelling in Spellings
           where spelling.Error is null || spelling.Of(endpoint) != endpoint.Body
           select (endpoint.Call, spelling.Name),
    ];

    [Theory]
    [MemberData(nameof(All))]
    public async Task A_body_is_read_as_it_is_described_or_refused_with_the_member_and_the_reason(string call, string spelled)
    {
        var endpoint = Endpoints.Single(e => e.Call == call);
        var spelling = Spellings.Single(s => s.Name == spelled);

        using var answer = await SendAsync(endpoint, Bytes(spelling.Of(endpoint)));

        var body = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        if (spelling.Error is null)
        {
            // Read, and handled: there is no such charge to refund.
            Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK or HttpStatusCode.NotFound, $"{(int)answer.StatusCode}: {body}");
            return;
        }
        Assert.True(answer.StatusCode is HttpStatusCode.BadRequest, $"{(int)answer.StatusCode}: {body}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var error = Assert.Single(JsonElement.Parse(body).GetProperty("errors").EnumerateObject());
        if (spelling.Field is not null)
            Assert.Equal(spelling.Field(endpoint), error.Name);
        Assert.Contains(spelling.Error, error.Value[0].GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"customerId":"c","customerId":"d","items":[{"sku":"SKU-1","quantity":2}],"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":"2"}],"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":2,"quantity":3}],"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":2,"unitPrice":0.01}],"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":2}],"paymentToken":"tok_ok","total":0.01}""")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":2.0}],"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":"c","items":[{"sku":"SKU-1","quantity":2e0}],"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":"c","items":{"sku":"SKU-1","quantity":2},"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":["c"],"items":[{"sku":"SKU-1","quantity":2}],"paymentToken":"tok_ok"}""")]
    [InlineData("""{"customerId":null,"items":[{"sku":"SKU-1","quantity":2}],"paymentToken":"tok_ok"}""")]
    public async Task An_order_that_is_refused_is_not_stored(string body)
    {
        var before = await _shop.OrdersAsync("select count(*) from orders");

        using var answer = await SendAsync(Endpoints[0], Bytes(body));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(before, await _shop.OrdersAsync("select count(*) from orders"));
    }

    [Fact]
    public async Task Chaos_that_is_refused_leaves_the_settings_as_they_are()
    {
        await _shop.ChaosAsync(new { latencyMs = 7 });

        using var answer = await SendAsync(Endpoints[3], Bytes("""{"foo":2}"""));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var settings = await _shop.Gateway.Client.GetFromJsonAsync<JsonElement>("/chaos", TestContext.Current.CancellationToken);
        Assert.Equal(7, settings.GetProperty("latencyMs").GetInt32());
        await _shop.ChaosAsync(new { });
    }

    private async Task<HttpResponseMessage> SendAsync(Endpoint endpoint, byte[] body)
    {
        var service = endpoint.Path is "/orders" ? _shop.OrderService : _shop.Gateway;
        using var request = new HttpRequestMessage(endpoint.Verb, endpoint.Path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        return await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>UTF-8, but for half of a character: that is written as the three bytes it would be.</summary>
    private static byte[] Bytes(string text) => [.. text.EnumerateRunes().SelectMany(rune => rune == Rune.ReplacementChar
        ? [0xED, 0xA0, 0x80]
        : Encoding.UTF8.GetBytes(rune.ToString()))];

    private static string Pascal(string member) => char.ToUpperInvariant(member[0]) + member[1..];

    private static Spelling Accepted(string name, Func<Endpoint, string> of) => new(name, of, null, null);

    private static Spelling Refused(string name, Func<Endpoint, string>? field, string error, Func<Endpoint, string> of) => new(name, of, field, error);

    /// <param name="Member">The first member of <paramref name="Body"/>.</param>
    /// <param name="NumberAt">Where <paramref name="Number"/> is.</param>
    private sealed record Endpoint(string Call, string Member, string NumberAt, string Number, string Body)
    {
        public HttpMethod Verb => new(Call.Split(' ')[0]);

        public string Path => Call.Split(' ')[1];

        /// <summary>The body up to its second member.</summary>
        public string First => Body.Split([",", "}"], StringSplitOptions.None)[0];

        public string WithNumber(string other) => Body.Replace($":{Number}", $":{other}", StringComparison.Ordinal);
    }

    /// <param name="Field">Which member the refusal names; null: whichever.</param>
    /// <param name="Error">What the refusal says of it; null: it is accepted.</param>
    private sealed record Spelling(string Name, Func<Endpoint, string> Of, Func<Endpoint, string>? Field, string? Error);
}
