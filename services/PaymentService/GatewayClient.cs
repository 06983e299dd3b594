using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
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
        try
        {
            using var response = await pipeline.ExecuteAsync(
                async token => await SendAsync(payment, paymentToken, token), cancellationToken);
            return await ReadAsync(response, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or BrokenCircuitException or TimeoutRejectedException or JsonException)
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
                var charge = await response.Content.ReadFromJsonAsync(GatewayJson.Default.ChargeAnswer, cancellationToken);
                return new ChargeResult.Captured(charge!.Id);
            case HttpStatusCode.PaymentRequired:
                var decline = await response.Content.ReadFromJsonAsync(GatewayJson.Default.ChargeAnswer, cancellationToken);
                return new ChargeResult.Declined(decline!.DeclineCode ?? "declined");
            case HttpStatusCode.BadRequest:
                // Refused before anything was tried, for a token it does not know: to the customer, a card that does not work.
                return new ChargeResult.Declined("invalid_payment_token");
            case HttpStatusCode.UnprocessableEntity:
                throw new PoisonMessageException("payment gateway: the key was used for another charge");
            default:
                throw new DependencyUnavailableException($"payment gateway answered {(int)response.StatusCode}");
        }
    }
}
