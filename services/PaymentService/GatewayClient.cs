using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EventShop.Messaging;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace PaymentService;

/// <summary>Charges cards at the gateway. Safe to repeat: the same payment is always the same charge.</summary>
public sealed class GatewayClient(HttpClient http, ResiliencePipeline<HttpResponseMessage> pipeline)
{
    /// <exception cref="DependencyUnavailableException">The gateway did not answer, or not yet: the charge may or may not have been made.</exception>
    /// <exception cref="PoisonMessageException">The gateway says this charge can never be made.</exception>
    public async Task<ChargeResult> ChargeAsync(Payment payment, string paymentToken, CancellationToken cancellationToken)
    {
        using var response = await CallAsync(token => SendAsync(payment, paymentToken, token), cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    /// <summary>Asks whether the gateway has this payment's charge.</summary>
    /// <returns>Null when it has not.</returns>
    /// <exception cref="DependencyUnavailableException">The gateway did not answer.</exception>
    public async Task<ChargeResult?> FindChargeAsync(Payment payment, CancellationToken cancellationToken)
    {
        using var response = await CallAsync(token => http.GetAsync($"/charges?orderId={payment.OrderId}", token), cancellationToken);
        if (!response.IsSuccessStatusCode)
            throw new DependencyUnavailableException($"payment gateway answered {(int)response.StatusCode}");
        var charges = await ReadAsync(response, GatewayJson.Default.ChargeAnswerArray, cancellationToken);
        return Array.Find(charges, charge => charge.IdempotencyKey == payment.IdempotencyKey) switch
        {
            null => null,
            { Status: "declined" } declined => new ChargeResult.Declined(declined.DeclineCode ?? "declined"),
            var captured => new ChargeResult.Captured(captured.Id),
        };
    }

    private async Task<HttpResponseMessage> CallAsync(
        Func<CancellationToken, Task<HttpResponseMessage>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await pipeline.ExecuteAsync(async token => await call(token), cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or BrokenCircuitException or TimeoutRejectedException)
        {
            throw new DependencyUnavailableException($"payment gateway: {e.Message}", e);
        }
    }

    private Task<HttpResponseMessage> SendAsync(Payment payment, string paymentToken, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/charges")
        {
            Content = JsonContent.Create(
                new ChargeRequest(payment.OrderId, payment.Amount, payment.Currency, paymentToken), GatewayJson.Default.ChargeRequest),
        };
        request.Headers.Add("Idempotency-Key", payment.IdempotencyKey);
        return http.SendAsync(request, cancellationToken);
    }

    private static async Task<ChargeResult> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK or HttpStatusCode.Created:
                return new ChargeResult.Captured((await ReadAsync(response, GatewayJson.Default.ChargeAnswer, cancellationToken)).Id);
            case HttpStatusCode.PaymentRequired:
                var decline = await ReadAsync(response, GatewayJson.Default.ChargeAnswer, cancellationToken);
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
