using System.Net.Http.Json;
using System.Text.Json;
using EventShop.Tests.Shop;

namespace EventShop.Tests.Chaos;

/// <summary>What may be otherwise after a fault than after none.</summary>
/// <param name="StreamsWiped">The broker lost messages it had acknowledged: its streams need not hold all events.</param>
/// <param name="Poisoned">The ids (<c>ce-id</c>) of messages that belong into the dead letters.</param>
/// <param name="PoisonedWithoutId">How many more belong there that have no id.</param>
/// <param name="DrainLimit">How long it may take until all is settled; by default a minute.</param>
internal sealed record Expected(
    bool StreamsWiped = false, IReadOnlySet<string>? Poisoned = null, int PoisonedWithoutId = 0, TimeSpan? DrainLimit = null)
{
    public static readonly Expected Usual = new();
}

/// <summary>The invariants of the shop, the same after every fault: waits until nothing is on its way, then balances all books.</summary>
internal sealed class Checker(RunningShop shop, Broker broker, IReadOnlyDictionary<Guid, string> accepted, Expected expected)
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(60);

    private readonly List<string> _broken = [];

    /// <summary>Waits until every order is settled and nothing is owed, pending or unacknowledged.</summary>
    public async Task DrainAsync()
    {
        const string pending = "select count(*) from orders where status = 'Pending'";
        const string unsent = "select count(*) from outbox_unsent";
        await Eventually.Value("all is settled and sent", async () =>
        {
            var (orders, owed) = (await shop.OrdersAsync(pending), await shop.OrdersAsync(unsent) + await shop.PaymentsAsync(unsent));
            var (backlog, which) = await broker.BacklogAsync();
            return (Left: orders + owed + backlog, What: $"{orders} orders pending; {owed} events unsent; {which}");
        }, state => state.Left == 0, expected.DrainLimit ?? DrainLimit);
    }

    /// <summary>Balances the books.</summary>
    /// <returns>One line for each invariant that does not hold, with order ids.</returns>
    public async Task<IReadOnlyList<string>> BrokenAsync()
    {
        var books = await Books.ReadAsync(shop.OrdersDatabase, shop.PaymentsDatabase);
        CheckAccepted(books);
        CheckOrders(books);
        await CheckLedgerAsync(books);
        await CheckStreamAsync("ORDERS", books.OrderEvents);
        await CheckStreamAsync("PAYMENTS", books.PaymentEvents);
        await CheckDeadLettersAsync();
        return _broken;
    }

    private void CheckAccepted(Books books)
    {
        Holds("an order answered 2xx is in the database", accepted.Keys.Where(id => !books.Orders.ContainsKey(id)));
        Holds("an order has the outcome its card gives", accepted
            .Where(order => books.Orders.TryGetValue(order.Key, out var booked)
                && booked.Status != (order.Value == "tok_declined" ? "Declined" : "Paid"))
            .Select(order => order.Key));
    }

    private void CheckOrders(Books books)
    {
        Holds("an order is settled", Where(o => o.Status is not ("Paid" or "Declined")));
        Holds("its history is created, then what its status says", Where(o =>
            !o.History.SequenceEqual(["created", o.Status.ToLowerInvariant()])));
        Holds("an order has the payment its status says", books.Orders
            .Where(o => books.Payments.GetValueOrDefault(o.Key)?.State != (o.Value.Status == "Paid" ? "Captured" : "Declined"))
            .Select(o => o.Key));
        Holds("a payment has an order", books.Payments.Keys.Where(id => !books.Orders.ContainsKey(id)));
        Holds("an order told of its creation and of one outcome, once", Untold(books.OrderEvents, order =>
            ["eventshop.orders.created.v1", $"eventshop.orders.{order.Status.ToLowerInvariant()}.v1"]));
        Holds("a payment told of one outcome, once", Untold(books.PaymentEvents, order =>
            [order.Status == "Paid" ? "eventshop.payments.succeeded.v1" : "eventshop.payments.failed.v1"]));

        IEnumerable<Guid> Where(Func<BookedOrder, bool> condition) => books.Orders.Where(o => condition(o.Value)).Select(o => o.Key);

        IEnumerable<Guid> Untold(IReadOnlyList<BookedEvent> events, Func<BookedOrder, string[]> owed)
        {
            var told = events.ToLookup(e => e.Key, e => e.Type);
            return books.Orders.Where(o => !told[o.Key].Order().SequenceEqual(owed(o.Value).Order())).Select(o => o.Key);
        }
    }

    private async Task CheckLedgerAsync(Books books)
    {
        var ledger = await shop.Gateway.Client.GetFromJsonAsync<JsonElement>("/charges");
        var captured = ledger.EnumerateArray()
            .Where(charge => charge.GetProperty("status").GetString() == "captured")
            .ToLookup(charge => charge.GetProperty("orderId").GetGuid(), charge => charge.GetProperty("amount").GetDecimal());
        Holds("the gateway captured at most once", captured.Where(charges => charges.Count() > 1).Select(charges => charges.Key));
        Holds("the gateway captured a paid order's total, and nothing of another's", books.Orders
            .Where(o => captured[o.Key].Sum() != (o.Value.Status == "Paid" ? o.Value.Total : 0))
            .Select(o => o.Key));
        Holds("the gateway captured nothing for an order that is not there", captured
            .Select(charges => charges.Key).Where(id => !books.Orders.ContainsKey(id)));
    }

    private async Task CheckStreamAsync(string stream, IReadOnlyList<BookedEvent> owed)
    {
        var stored = (await broker.ReadAsync(stream)).Select(Broker.EventId).OfType<string>().ToHashSet();
        var known = owed.ToDictionary(e => e.Id.ToString(), e => e.Key);
        if (!expected.StreamsWiped)
            Holds($"every event of the outbox is in {stream}", known.Where(e => !stored.Contains(e.Key)).Select(e => e.Value));
        Holds($"{stream} holds no event that no outbox held", stored
            .Where(id => !known.ContainsKey(id) && expected.Poisoned?.Contains(id) != true)
            .Select(Guid.Parse));
    }

    private async Task CheckDeadLettersAsync()
    {
        var dead = (await Task.WhenAll(Broker.DeadLetters.Select(broker.ReadAsync))).SelectMany(letters => letters).Select(Broker.EventId).ToArray();
        var poisoned = expected.Poisoned ?? new HashSet<string>();
        var innocent = dead.OfType<string>().Where(id => !poisoned.Contains(id)).ToArray();
        if (innocent.Length > 0)
            _broken.Add($"only what was poisoned is in the dead letters; besides it: events {string.Join(", ", innocent.Take(10))}");
        if (dead.Count(id => id is null) != expected.PoisonedWithoutId)
            _broken.Add($"{expected.PoisonedWithoutId} dead letters have no event id; there are {dead.Count(id => id is null)}");
        if (poisoned.Except(dead.OfType<string>()).ToArray() is { Length: > 0 } missing)
            _broken.Add($"what is poisoned is in the dead letters; not there: {string.Join(", ", missing)}");
    }

    private void Holds(string invariant, IEnumerable<Guid> breakers)
    {
        if (breakers.ToArray() is { Length: > 0 } orders)
            _broken.Add($"{invariant}; not so for {orders.Length}: {string.Join(", ", orders.Take(10))}");
    }
}
