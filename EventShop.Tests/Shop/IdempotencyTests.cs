using System.Net;
using System.Net.Http.Json;
using System.Text;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Shop;

/// <summary><c>Idempotency-Key</c> on <c>POST /orders</c>: one key makes one order.</summary>
public sealed class IdempotencyTests(SharedPostgres postgres)
{
    private const string Body = """{"customerId":"c-42","items":[{"sku":"SKU-1","quantity":2}],"paymentToken":"tok_ok"}""";
    private const string SameInOtherWords = """{ "paymentToken": "tok_ok", "customerId": "c-42", "items": [ { "quantity": 2, "sku": "SKU-1" } ] }""";
    private const string Other = """{"customerId":"c-42","items":[{"sku":"SKU-1","quantity":3}],"paymentToken":"tok_ok"}""";

    [Fact]
    public async Task The_same_request_with_the_same_key_gets_the_same_answer_and_another_request_is_refused()
    {
        await using var shop = await RunningShop.StartAsync(postgres);

        var first = await PostAsync(shop.OrderService, "k-1", Body);
        var again = await PostAsync(shop.OrderService, "k-1", Body);
        var inOtherWords = await PostAsync(shop.OrderService, "k-1", SameInOtherWords);
        var other = await PostAsync(shop.OrderService, "k-1", Other);
        var otherKey = await PostAsync(shop.OrderService, "k-2", Body);

        Assert.Equal(
            (HttpStatusCode.Created, HttpStatusCode.Created, HttpStatusCode.Created, HttpStatusCode.UnprocessableEntity, HttpStatusCode.Created),
            (first.Status, again.Status, inOtherWords.Status, other.Status, otherKey.Status));
        Assert.Equal((first.Body, first.Location, true), (again.Body, again.Location, again.Replayed));
        Assert.Equal(first.Body, inOtherWords.Body);
        Assert.False(first.Replayed);
        Assert.NotEqual(first.Location, otherKey.Location);
        Assert.Contains("another request", other.Body, StringComparison.Ordinal);
        Assert.Equal(2L, await shop.OrdersAsync("select count(*) from orders"));
        await shop.AllSettledAsync();
        Assert.Equal(2, (await shop.CapturesAsync()).Count);
    }

    [Fact]
    public async Task A_hundred_posts_at_once_with_one_key_on_two_replicas_make_one_order()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await using var replica = await shop.StartOrderReplicaAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i =>
            PostAsync(i % 2 == 0 ? shop.OrderService : replica, $"key-{i % 4 / 2}", Body)));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.Created, answer.Status));
        Assert.Equal(2, answers.Select(answer => answer.Body).Distinct().Count());
        Assert.Equal(2, answers.Count(answer => !answer.Replayed));
        Assert.Equal(2L, await shop.OrdersAsync("select count(*) from orders"));
        Assert.Equal(2L, await shop.OrdersAsync("select count(*) from outbox where type = 'eventshop.orders.created.v1'"));
    }

    [Fact]
    public async Task A_key_that_has_expired_makes_a_new_order_and_expired_keys_are_removed()
    {
        await using var shop = await RunningShop.StartAsync(
            postgres, ("Idempotency__Expiry", "00:00:02"), ("Idempotency__PruneInterval", "00:00:01"));
        var first = await PostAsync(shop.OrderService, "k", Body);

        await Eventually.True("it is removed", async () => await shop.OrdersAsync("select count(*) from idempotency_keys") == 0);
        var second = await PostAsync(shop.OrderService, "k", Other);

        Assert.Equal((HttpStatusCode.Created, false), (second.Status, second.Replayed));
        Assert.NotEqual(first.Location, second.Location);
    }

    [Fact]
    public async Task An_expired_key_that_is_still_stored_is_taken_over()
    {
        await using var shop = await RunningShop.StartAsync(postgres);
        await PostAsync(shop.OrderService, "k", Body);
        await shop.ExecuteOrdersAsync("update idempotency_keys set expires_at = now() - interval '1 second'");

        var second = await PostAsync(shop.OrderService, "k", Other);
        var again = await PostAsync(shop.OrderService, "k", Other);

        Assert.Equal((HttpStatusCode.Created, false, true), (second.Status, second.Replayed, again.Replayed));
        Assert.Equal(second.Body, again.Body);
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("256")]
    public async Task A_malformed_key_is_refused_by_name(string key)
    {
        await using var shop = await RunningShop.StartAsync(postgres);

        var answer = await PostAsync(shop.OrderService, key == "256" ? new string('k', 256) : key, Body);

        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains("Idempotency-Key", answer.Body, StringComparison.Ordinal);
        Assert.Equal(0L, await shop.OrdersAsync("select count(*) from orders"));
    }

    [Fact]
    public async Task A_refused_request_does_not_use_up_its_key()
    {
        await using var shop = await RunningShop.StartAsync(postgres);

        var refused = await PostAsync(shop.OrderService, "k", "{}");
        var corrected = await PostAsync(shop.OrderService, "k", Body);

        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.Created), (refused.Status, corrected.Status));
    }

    private static async Task<Answer> PostAsync(ServiceProcess service, string key, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("Idempotency-Key", key);
        using var response = await service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return new(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            response.Headers.Location?.ToString(), response.Headers.Contains("Idempotent-Replayed"));
    }

    private sealed record Answer(HttpStatusCode Status, string Body, string? Location, bool Replayed);
}
