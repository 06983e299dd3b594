using EventShop.ServiceDefaults;
using PaymentGateway.Chaos;
using PaymentGateway.Charges;
using PaymentGateway.Refunds;

namespace PaymentGateway;

/// <summary>What bodies look like, for the OpenAPI document.</summary>
internal static class GatewayExamples
{
    public static void AddTo(ApiExamples examples)
    {
        var order = new Guid("0198c2f0-4a4e-7b6e-9a51-6a1c0ce2a7d4");
        var at = new DateTimeOffset(2026, 1, 2, 10, 30, 0, TimeSpan.Zero);
        const string charge = "ch_0198c2f04a927c41b1d7c0ffee000001";
        examples
            .Add(new ChargeRequest(order, 44.80m, "EUR", PaymentTokens.Ok))
            .Add(new ChargeAnswer(charge, order, "captured", null, 44.80m, "EUR"))
            .Add<IEnumerable<ChargeView>>([new ChargeView(charge, order, $"pay:{order}:1", "captured", null, 44.80m, "EUR", at, null)])
            .Add(new RefundRequest(charge, order, 44.80m))
            .Add(new RefundAnswer("re_0198c2f04b0a7f5391e4c0ffee000002", charge, order, "refunded", 44.80m))
            .Add(new ChaosSettings(LatencyMs: 20, ErrorRate: 0.1, HangRate: 0.01, DeclineRate: 0.05));
    }
}
