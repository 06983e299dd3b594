using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Messaging.Testing;

namespace EventShop.Tests.Gateway;

/// <summary>Calls a gateway as the payment service does; answers stay JSON, so that the tests hold the wire format.</summary>
public sealed class GatewayClient(HttpClient http)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static Task<ServiceProcess> Start(string ledger, int port = 0, params (string Name, string Value)[] settings)
        => ServiceProcess.Start("services/PaymentGateway", Environment(ledger, settings), port);

    public static Dictionary<string, string?> Environment(string ledger, params (string Name, string Value)[] settings)
    {
        var environment = settings.ToDictionary(setting => setting.Name, setting => (string?)setting.Value);
        environment["Gateway__LedgerPath"] = ledger;
        return environment;
    }

    public Task<HttpResponseMessage> Charge(Guid order, string key, string token = "tok_ok", decimal amount = 44.80m)
        => Post("/charges", key, new { orderId = order, amount, currency = "EUR", paymentToken = token });

    public Task<HttpResponseMessage> Refund(Guid order, string chargeId, string key, decimal amount = 44.80m)
        => Post("/refunds", key, new { chargeId, orderId = order, amount });

    public Task<HttpResponseMessage> Post(string path, string? key, object body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        return http.SendAsync(request, Cancellation);
    }

    public async Task<JsonElement[]> Charges(Guid? order = null)
        => await http.GetFromJsonAsync<JsonElement[]>(order is null ? "/charges" : $"/charges?orderId={order}", Cancellation) ?? [];

    public async Task Chaos(object settings)
    {
        using var answer = await http.PutAsJsonAsync("/chaos", settings, Cancellation);
        answer.EnsureSuccessStatusCode();
    }

    public static async Task<JsonElement> Json(HttpResponseMessage answer)
        => JsonElement.Parse(await answer.Content.ReadAsStringAsync(Cancellation));

    public static bool IsReplayed(HttpResponseMessage answer)
        => answer.Headers.TryGetValues("Idempotent-Replayed", out var values) && values.Single() == "true";
}
