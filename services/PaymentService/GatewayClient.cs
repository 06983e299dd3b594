using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EventShop.Messaging;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace PaymentService;

/// <summary>
/// Charges cards at the gateway and gives money back. Safe to repeat: the same payment is always the same charge, and the same
/// refund. Every call is stored with the payment before it is made.
/// </summary>
public sealed class GatewayClient(
    HttpClient http, ResiliencePipeline<HttpResponseMessage> pipeline, GatewayOptions options, PaymentStore payments, TimeProvider clock)
{
    /// <param name="payment">The payment.</param>
    /// <param name="paymentToken">The card.</param>
    /// <param name="isStored">The first call was stored with the payment.</param>
    /// <param name="cancellationToken">Time is up.</param>
    /// <exception cref="DependencyUnavailableException">The gateway did not answer, or not yet: the charge may or may not have been made.</exception>
    /// <exception cref="NotYetException">The order was cancelled meanwhile: its cancellation settles the payment.</exception>
    /// <exception cref="PoisonMessageException">The gateway says this charge can never be made.</exception>
    public async Task<ChargeResult> ChargeAsync(Payment payment, string paymentToken, bool isStored, CancellationToken cancellationToken)
    {
        using var response = await CallAsync(payment, Attempt.Charge, isStored, token => SendAsync(
            "/charges", payment.IdempotencyKey,
            new ChargeRequest(payment.OrderId, payment.Amount, payment.Currency, paymentToken), PaymentJson.Default.ChargeRequest, token), cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    /// <summary>Gives a captured payment's money back.</summary>
    /// <returns>The gateway's id of the refund.</returns>
    /// <exception cref="DependencyUnavailableException">The gateway did not answer, or not yet: the refund may or may not have been made.</exception>
    /// <exception cref="PoisonMessageException">The gateway says this refund can never be made.</exception>
    public async Task<string> RefundAsync(Payment payment, CancellationToken cancellationToken)
    {
        using var response = await CallAsync(payment, Attempt.Refund, isStored: true, token => SendAsync(
            "/refunds", payment.RefundKey,
            new RefundRequest(payment.ChargeId!, payment.OrderId, payment.Amount), PaymentJson.Default.RefundRequest, token), cancellationToken);
        return response.StatusCode switch
        {
            HttpStatusCode.OK or HttpStatusCode.Created => (await ReadAsync(response, PaymentJson.Default.RefundAnswer, cancellationToken)).Id,
            HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.UnprocessableEntity =>
                throw new PoisonMessageException($"payment gateway refuses the refund: {(int)response.StatusCode}"),
            _ => throw new DependencyUnavailableException($"payment gateway answered {(int)response.StatusCode}"),
        };
    }

    /// <summary>Asks whether the gateway has this payment's charge.</summary>
    /// <returns>Null when it has not.</returns>
    /// <exception cref="DependencyUnavailableException">The gateway did not answer.</exception>
    public async Task<ChargeResult?> FindChargeAsync(Payment payment, CancellationToken cancellationToken)
    {
        using var response = await CallAsync(
            payment, Attempt.LookUp, isStored: false, token => http.GetAsync($"/charges?orderId={payment.OrderId}", token), cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new DependencyUnavailableException($"payment gateway answered {(int)response.StatusCode}");
        var charges = await ReadAsync(response, PaymentJson.Default.ChargeAnswerArray, cancellationToken);
        return Array.Find(charges, charge => charge.IdempotencyKey == payment.IdempotencyKey) switch
        {
            null => null,
            { Status: "declined" } declined => new ChargeResult.Declined(declined.DeclineCode ?? "declined"),
            var captured => new ChargeResult.Captured(captured.Id),
        };
    }

    private async Task<HttpResponseMessage> CallAsync(
        Payment payment, string kind, bool isStored, Func<CancellationToken, Task<HttpResponseMessage>> call, CancellationToken cancellationToken)
    {
        var calls = 0;
        string? failure = null;
        // Stored too long ago to stand for a call that begins now: the order may have been cancelled since.
        bool IsStale() => clock.GetUtcNow() - payment.LastCall > options.AttemptTimeout;
        try
        {
            var response = await pipeline.ExecuteAsync(async token =>
            {
                if ((calls++ > 0 || !isStored || IsStale()) && !await payments.AttemptAsync(payment.OrderId, new(kind, clock.GetUtcNow(), null), failure))
                    throw new NotYetException("the order has been cancelled in the meantime");
                failure = "no answer";
                var answer = await call(token);
                failure = GatewayFailure.Is(answer) ? $"HTTP {(int)answer.StatusCode}" : null;
                return answer;
            }, cancellationToken);
            if (failure is not null)
                await payments.FailAsync(payment.OrderId, failure);
            return response;
        }
        catch (Exception e) when (e is HttpRequestException or BrokenCircuitException or TimeoutRejectedException)
        {
            if (calls > 0 && failure is not null)
                await payments.FailAsync(payment.OrderId, failure);
            throw new DependencyUnavailableException($"payment gateway: {e.Message}", e);
        }
    }

    private Task<HttpResponseMessage> SendAsync<TBody>(
        string path, string key, TBody body, JsonTypeInfo<TBody> json, CancellationToken cancellationToken)
    {
        // Its length is known: one packet, where JsonContent is sent in chunks.
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, json));
        content.Headers.ContentType = new("application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Add("Idempotency-Key", key);
        return http.SendAsync(request, cancellationToken);
    }

    private static async Task<ChargeResult> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK or HttpStatusCode.Created:
                return new ChargeResult.Captured((await ReadAsync(response, PaymentJson.Default.ChargeAnswer, cancellationToken)).Id);
            case HttpStatusCode.PaymentRequired:
                var decline = await ReadAsync(response, PaymentJson.Default.ChargeAnswer, cancellationToken);
                return new ChargeResult.Declined(decline.DeclineCode ?? "declined");
            case HttpStatusCode.BadRequest:
                // Refused before anything was tried, for a token it does not know: to the customer, a card that does not work.
                return new ChargeResult.Declined("invalid_payment_token");
            case HttpStatusCode.UnprocessableEntity:
                throw new PoisonMessageException("payment gateway: the key was used for another charge");
            default:
                throw new DependencyUnavailableException($"payment gateway answered {(int)response.StatusCode}");
        }
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> json, CancellationToken cancellationToken)
    {
        try
        {
            return await response.Content.ReadFromJsonAsync(json, cancellationToken)
                ?? throw new DependencyUnavailableException("payment gateway answered nothing");
        }
        catch (JsonException e)
        {
            throw new DependencyUnavailableException("payment gateway answered what is not JSON", e);
        }
    }
}
