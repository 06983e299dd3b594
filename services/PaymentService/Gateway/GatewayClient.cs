using System.Net;
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
    HttpClient http, ResiliencePipeline<GatewayAnswer> pipeline, PaymentStore payments, GatewayOptions options, TimeProvider clock)
{
    /// <summary>A charge takes 200 bytes; more than this is no answer to anything that is asked here.</summary>
    private const int MaxAnswerBytes = 64 * 1024;

    // Members given twice contradict each other.
    private static readonly JsonDocumentOptions Json = new() { AllowDuplicateProperties = false };

    /// <param name="payment">The payment.</param>
    /// <param name="paymentToken">The card.</param>
    /// <param name="isStored">The first call was stored with the payment.</param>
    /// <param name="cancellationToken">Time is up.</param>
    /// <exception cref="DependencyUnavailableException">The gateway does not work: the charge may or may not have been made.</exception>
    /// <exception cref="NotYetException">
    /// The gateway's answer does not tell what became of the charge; or the order was cancelled meanwhile, and its cancellation settles
    /// the payment.
    /// </exception>
    /// <exception cref="PoisonMessageException">The gateway says this charge can never be made.</exception>
    public async Task<ChargeResult> ChargeAsync(Payment payment, string paymentToken, bool isStored, CancellationToken cancellationToken)
    {
        var body = new ChargeRequest(payment.OrderId, payment.Amount, payment.Currency, paymentToken);
        var answer = await CallAsync(
            payment, Attempt.Charge, isStored, () => Post("/charges", payment.IdempotencyKey, body, PaymentJson.Default.ChargeRequest),
            GatewayAnswer.OfCharge, cancellationToken);
        return ((GatewayAnswer.Charged)Decided(answer)).Result;
    }

    /// <summary>Gives a captured payment's money back.</summary>
    /// <returns>The gateway's id of the refund.</returns>
    /// <exception cref="DependencyUnavailableException">The gateway does not work: the refund may or may not have been made.</exception>
    /// <exception cref="NotYetException">The gateway's answer does not tell what became of the refund.</exception>
    /// <exception cref="PoisonMessageException">The gateway says this refund can never be made.</exception>
    public async Task<string> RefundAsync(Payment payment, CancellationToken cancellationToken)
    {
        var isStored = payment.Attempts is [.., { Kind: Attempt.Refund, Result: null }];
        // Asked for before: it may have been made since, while the gateway repeats its first answer for as long as the key is the same.
        if (!isStored && await LookUpAsync(payment, GatewayAnswer.OfRefundLookUp, cancellationToken) is GatewayAnswer.Refunded found)
            return found.RefundId;

        var body = new RefundRequest(payment.ChargeId!, payment.OrderId, payment.Amount);
        var answer = await CallAsync(
            payment, Attempt.Refund, isStored, () => Post("/refunds", payment.RefundKey, body, PaymentJson.Default.RefundRequest),
            GatewayAnswer.OfRefund, cancellationToken);
        return ((GatewayAnswer.Refunded)Decided(answer)).RefundId;
    }

    /// <summary>Asks whether the gateway has this payment's charge.</summary>
    /// <returns>Null when it has not.</returns>
    /// <exception cref="DependencyUnavailableException">The gateway does not work.</exception>
    /// <exception cref="NotYetException">The gateway's answer does not tell.</exception>
    public async Task<ChargeResult?> FindChargeAsync(Payment payment, CancellationToken cancellationToken) =>
        Decided(await LookUpAsync(payment, GatewayAnswer.OfLookUp, cancellationToken)) is GatewayAnswer.Charged charge ? charge.Result : null;

    private Task<GatewayAnswer> LookUpAsync(
        Payment payment, Func<HttpStatusCode, JsonElement?, string, GatewayAnswer> read, CancellationToken cancellationToken) => CallAsync(
            payment, Attempt.LookUp, isStored: false, () => new(HttpMethod.Get, $"/charges?orderId={payment.OrderId}"),
            (status, body) => read(status, body, payment.IdempotencyKey), cancellationToken);

    private static GatewayAnswer Decided(GatewayAnswer answer) => answer switch
    {
        GatewayAnswer.Undecided undecided => throw new NotYetException($"payment gateway: {undecided.Reason}"),
        GatewayAnswer.Refused refused => throw new PoisonMessageException($"payment gateway: {refused.Reason}"),
        _ => answer,
    };

    private async Task<GatewayAnswer> CallAsync(
        Payment payment, string kind, bool isStored, Func<HttpRequestMessage> request, Func<HttpStatusCode, JsonElement?, GatewayAnswer> read,
        CancellationToken cancellationToken)
    {
        var calls = 0;
        string? failure = null;
        // Stored too long ago to stand for a call that begins now: the order may have been cancelled since.
        bool IsStale() => clock.GetUtcNow() - payment.LastCall > options.AttemptTimeout;
        var context = ResilienceContextPool.Shared.Get(kind, cancellationToken);
        try
        {
            var answer = await pipeline.ExecuteAsync(async call =>
            {
                if ((calls++ > 0 || !isStored || IsStale()) && !await payments.AttemptAsync(payment.OrderId, new(kind, clock.GetUtcNow(), null), failure))
                    throw new NotYetException("the order has been cancelled in the meantime");
                failure = "no answer";
                var answer = await SendAsync(request(), read, call.CancellationToken);
                failure = answer switch
                {
                    GatewayAnswer.Failed failed => failed.Reason,
                    GatewayAnswer.Undecided undecided => undecided.Reason,
                    _ => null,
                };
                return answer;
            }, context);
            if (failure is not null)
                await payments.FailAsync(payment.OrderId, failure);
            return answer is GatewayAnswer.Failed failed ? throw new DependencyUnavailableException($"payment gateway: {failed.Reason}") : answer;
        }
        catch (Exception e) when (e is BrokenCircuitException or TimeoutRejectedException)
        {
            if (calls > 0 && failure is not null)
                await payments.FailAsync(payment.OrderId, failure);
            else
                await payments.WaitAsync(payment.OrderId);
            throw new DependencyUnavailableException($"payment gateway: {e.Message}", e);
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    private async Task<GatewayAnswer> SendAsync(
        HttpRequestMessage request, Func<HttpStatusCode, JsonElement?, GatewayAnswer> read, CancellationToken cancellationToken)
    {
        using (request)
            try
            {
                using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
                var body = await ReadAsync(response.Content, cancellationToken);
                var answer = Understand(response.StatusCode, body, read);
                return answer is GatewayAnswer.Failed failed ? failed with { RetryAfter = RetryAfter(response) } : answer;
            }
            catch (HttpRequestException e)
            {
                // It broke off: what was asked for may have been done.
                return new GatewayAnswer.Failed(e.Message);
            }
    }

    /// <returns>Null when it is too large to be an answer.</returns>
    private static async Task<byte[]?> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        try
        {
            await content.LoadIntoBufferAsync(MaxAnswerBytes, cancellationToken);
            return await content.ReadAsByteArrayAsync(cancellationToken);
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConfigurationLimitExceeded)
        {
            return null;
        }
    }

    /// <summary>Takes an answer for JSON, whatever it says its type or its charset is.</summary>
    private static GatewayAnswer Understand(HttpStatusCode status, byte[]? body, Func<HttpStatusCode, JsonElement?, GatewayAnswer> read)
    {
        try
        {
            return read(status, body is null ? null : JsonElement.Parse(body.AsSpan(body.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0), Json));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // It is not JSON, or names and values are in it that no string can hold: bytes that are not UTF-8, half a character.
            return read(status, null);
        }
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > clock.GetUtcNow() => date - clock.GetUtcNow(),
        _ => null,
    };

    private static HttpRequestMessage Post<TBody>(string path, string key, TBody body, JsonTypeInfo<TBody> json)
    {
        // Its length is known: one packet, where JsonContent is sent in chunks.
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, json));
        content.Headers.ContentType = new("application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Add("Idempotency-Key", key);
        return request;
    }
}
