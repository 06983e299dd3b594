using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using EventShop.Messaging.Testing;
using EventShop.Tests.Shop;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EventShop.Tests.Gateway;

/// <summary>
/// A card processor that answers as it is told, byte by byte. A card's token names the script of its order, so that each order of
/// a shop meets answers of its own.
/// </summary>
internal sealed class ForeignGateway : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<Guid, string> _cards = new();
    private readonly ConcurrentQueue<Call> _calls = new();

    private ForeignGateway()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/charges", context => PostAsync(context, script => script.Charge));
        _app.MapPost("/refunds", context => PostAsync(context, script => script.Refund));
        _app.MapGet("/charges", context => AnswerAsync(context, Guid.Parse(context.Request.Query["orderId"]!), script => script.LookUp));
    }

    public string Url => _app.Urls.First();

    /// <summary>What each card's order meets.</summary>
    public ConcurrentDictionary<string, Script> Scripts { get; } = new();

    /// <summary>Every call so far, oldest first.</summary>
    public IReadOnlyCollection<Call> Calls => _calls;

    public static async Task<ForeignGateway> StartAsync(IReadOnlyDictionary<string, Script> scripts)
    {
        var gateway = new ForeignGateway();
        foreach (var (card, script) in scripts)
            gateway.Scripts[card] = script;
        await gateway._app.StartAsync();
        return gateway;
    }

    /// <summary>A shop that pays here, and in which one failure of a message makes it a dead letter.</summary>
    public Task<RunningShop> OpenShopAsync(PostgresServer postgres, params (string Key, string Value)[] settings) => RunningShop.StartAsync(
        postgres,
        [
            ("services__payment-gateway__http__0", Url), ("Gateway__RetryDelay", "00:00:00.050"),
            ("Messaging__Consumers__payment-orders__MaxAttempts", "1"), ("Messaging__Consumers__payment-cancellations__MaxAttempts", "1"),
            ("Messaging__Consumers__payment-refunds__MaxAttempts", "1"), .. settings,
        ]);

    /// <summary>How often it was called for a card's order, for example with <c>GET /charges</c>.</summary>
    public int Count(string call, string card) => _calls.Count(made => made.Name == call && made.Card == card);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task PostAsync(HttpContext context, Func<Script, Answer> pick)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body);
        var order = body.RootElement.GetProperty("orderId").GetGuid();
        if (body.RootElement.TryGetProperty("paymentToken", out var card))
            _cards[order] = card.GetString()!;
        await AnswerAsync(context, order, pick);
    }

    private Task AnswerAsync(HttpContext context, Guid order, Func<Script, Answer> pick)
    {
        var card = _cards.GetValueOrDefault(order, "");
        _calls.Enqueue(new(
            $"{context.Request.Method} {context.Request.Path}", card,
            context.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString())));
        return (Scripts.TryGetValue(card, out var script) ? pick(script) : Answer.Nothing).WriteAsync(context, order);
    }

    /// <param name="Name">For example <c>POST /charges</c>.</param>
    internal sealed record Call(string Name, string Card, IReadOnlyDictionary<string, string> Headers);
}

/// <summary>What a card's order meets. It may change while the shop runs.</summary>
internal sealed class Script
{
    public Answer Charge { get; set; } = Answer.Captured;

    public Answer LookUp { get; set; } = Answer.Nothing;

    public Answer Refund { get; set; } = Answer.Refunded;
}

/// <summary>An answer to a call about an order.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Body">Its body, in which <c>ORDER</c> stands for the order's id.</param>
internal sealed record Answer(int Status, string Body)
{
    public static readonly Answer Captured = new(201, """{"id":"ch_ORDER","orderId":"ORDER","status":"captured","amount":1.00,"currency":"EUR"}""");
    public static readonly Answer Refunded = new(201, """{"id":"re_ORDER","chargeId":"ch_ORDER","orderId":"ORDER","status":"refunded","amount":1.00}""");
    public static readonly Answer Nothing = new(200, "[]");

    /// <summary>The look-up of a charge in this state.</summary>
    public static Answer Found(string state) => new(200, $$"""[{"id":"ch_ORDER","orderId":"ORDER","idempotencyKey":"pay:ORDER:1",{{state}}}]""");

    /// <summary>Null: none.</summary>
    public string? ContentType { get; init; } = "application/json";

    /// <summary>What the body is encoded in.</summary>
    public Encoding Encoding { get; init; } = Encoding.UTF8;

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>The connection is cut after this many bytes of the body.</summary>
    public int? CutAfter { get; init; }

    /// <summary>In chunks, without a length.</summary>
    public bool IsChunked { get; init; }

    public async Task WriteAsync(HttpContext context, Guid order)
    {
        var body = Encoding.GetBytes(Body.Replace("ORDER", order.ToString(), StringComparison.Ordinal));
        var response = context.Response;
        response.StatusCode = Status;
        response.Headers.ContentType = ContentType;
        foreach (var (name, value) in Headers)
            response.Headers[name] = value;
        if (!IsChunked && Status is not 204)
            response.ContentLength = body.Length;
        if (Status is 204)
            return;
        await response.Body.WriteAsync(body.AsMemory(0, CutAfter ?? body.Length));
        await response.Body.FlushAsync();
        if (CutAfter is not null)
            context.Abort();
    }
}
