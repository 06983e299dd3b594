using System.Diagnostics.Metrics;
using EventShop.Postgres;

namespace OrderService;

/// <summary>What has become of orders, in metrics and, one line for each fact, in the log at Debug.</summary>
public sealed class OrderFacts(ILogger<OrderFacts> log)
{
    private const string Status = "eventshop.order.status";

    private static readonly Meter Meter = new("EventShop.Orders");

    private static readonly Counter<long> Orders = Meter.CreateCounter<long>(
        "eventshop.orders", "{order}", "Orders that came into a status");

    private static readonly Histogram<double> Settlement = Meter.CreateHistogram(
        "eventshop.order.settlement.duration", "s", "Time from POST until an order was paid, declined or cancelled", tags: null,
        new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
        });

    private int _begun;

    public void Placed(Guid orderId)
    {
        BeginAtZero();
        Orders.Add(1, new KeyValuePair<string, object?>(Status, OrderStatus.Pending.ToString()));
        log.OrderPlaced(orderId);
    }

    public void Moved(Transition transition)
    {
        BeginAtZero();
        var status = new KeyValuePair<string, object?>(Status, transition.To.ToString());
        Orders.Add(1, status);
        if (transition.From is OrderStatus.Pending)
            Settlement.Record((transition.Entry.At - UuidV7.TimeOf(transition.OrderId)).TotalSeconds, status);
        log.OrderMoved(transition.OrderId, transition.To);
    }

    /// <summary>A counter that is first seen at twenty has not increased, for whoever watches its increase: no order would seem to be paid.</summary>
    private void BeginAtZero()
    {
        if (_begun != 0 || Interlocked.Exchange(ref _begun, 1) != 0)
            return;
        foreach (var status in Enum.GetNames<OrderStatus>())
            Orders.Add(0, new KeyValuePair<string, object?>(Status, status));
    }
}
