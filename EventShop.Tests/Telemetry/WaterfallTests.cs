using EventShop.Demo;
using EventShop.Demo.Otlp;

namespace EventShop.Tests.Telemetry;

public sealed class WaterfallTests
{
    private static readonly Span[] Journey =
    [
        // As they are exported: what ends first comes first.
        Of("b1", "a1", "publish orders.created", SpanKind.Producer, 20, 40, "order-service"),
        Of("a1", null, "POST /orders", SpanKind.Server, 0, 30, "order-service"),
        Of("c1", "b1", "process orders.created", SpanKind.Consumer, 50, 90, "payment-service", SpanStatus.Error),
        Of("d1", "c1", "publish orders.paid", SpanKind.Producer, 100, 100, "order-service"),
    ];

    [Fact]
    public void A_journey_is_drawn_with_children_below_their_parent_and_bars_that_show_when() =>
        Assert.Equal(
            """
                 0.0 ms  ████████████                                 30.0 ms  order-service    POST /orders
                20.0 ms          ████████                             20.0 ms  order-service      publish orders.created
                50.0 ms                      ████████████████         40.0 ms  payment-service      process orders.created (failed)
               100.0 ms                                         █      0.0 ms  order-service          publish orders.paid

            """,
            Waterfall.Of(Journey, "t").Draw());

    [Fact]
    public void It_is_complete_when_every_parent_the_last_step_and_the_other_side_of_each_call_are_here()
    {
        Span[] call =
        [
            .. Journey, Of("e1", "c1", "POST", SpanKind.Client, 60, 80, "payment-service"),
            Of("f1", "e1", "POST /charges", SpanKind.Server, 65, 75, "payment-gateway"),
        ];
        Assert.True(Waterfall.Of(call, "t").IsComplete);
        Assert.False(Waterfall.Of(call[..^1], "t").IsComplete);

        Assert.True(Waterfall.Of(Journey, "t").IsComplete);
        for (var missing = 0; missing < Journey.Length; missing++)
            Assert.False(Waterfall.Of(Journey.Where((_, i) => i != missing), "t").IsComplete);
    }

    private static Span Of(
        string id, string? parent, string name, SpanKind kind, ulong start, ulong end, string service, SpanStatus status = SpanStatus.Unset) =>
        new("t", id, parent, name, kind, start * 1_000_000, end * 1_000_000, status, new Dictionary<string, string>(), [], [], service, "");
}
