using EventShop.ServiceDefaults;

namespace PaymentService;

/// <summary>What bodies look like, for the OpenAPI document.</summary>
internal static class PaymentExamples
{
    public static void AddTo(ApiExamples examples)
    {
        var order = new Guid("0198c2f0-4a4e-7b6e-9a51-6a1c0ce2a7d4");
        var at = new DateTimeOffset(2026, 1, 2, 10, 30, 0, TimeSpan.Zero);
        examples.Add(new Payment(
            order, PaymentState.Captured, 44.80m, "EUR", $"pay:{order}:1", at,
            [new(Attempt.Charge, at, "HTTP 503"), new(Attempt.Charge, at.AddMilliseconds(212), "captured")],
            ChargeId: "ch_0198c2f04a927c41b1d7c0ffee000001", OutcomeId: new Guid("0198c2f0-4b2a-7d0e-8f37-2f6c1d9be801"),
            SettledAt: at.AddMilliseconds(230)));
    }
}
