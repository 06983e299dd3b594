using System.Text.Json;
using Dapper;
using Npgsql;

namespace EventShop.Tests.Chaos;

/// <summary>What the two databases say, read in one go after the drain.</summary>
internal sealed record Books(
    IReadOnlyDictionary<Guid, BookedOrder> Orders, IReadOnlyDictionary<Guid, BookedPayment> Payments,
    IReadOnlyList<BookedEvent> OrderEvents, IReadOnlyList<BookedEvent> PaymentEvents)
{
    private const string Events = "select id as Id, key::uuid as Key, type as Type from outbox";

    public static async Task<Books> ReadAsync(string ordersDatabase, string paymentsDatabase)
    {
        await using var orders = new NpgsqlConnection(ordersDatabase);
        await using var payments = new NpgsqlConnection(paymentsDatabase);
        return new(
            (await orders.QueryAsync<(Guid Id, string Status, decimal Total, string History)>(
                "select id, status, total, history::text from orders"))
                .ToDictionary(o => o.Id, o => new BookedOrder(o.Status, o.Total, Names(o.History))),
            (await payments.QueryAsync<(Guid Id, string State, decimal Amount)>("select order_id, state, amount from payments"))
                .ToDictionary(p => p.Id, p => new BookedPayment(p.State, p.Amount)),
            [.. await orders.QueryAsync<BookedEvent>(Events)],
            [.. await payments.QueryAsync<BookedEvent>(Events)]);
    }

    private static string[] Names(string history)
    {
        using var entries = JsonDocument.Parse(history);
        return [.. entries.RootElement.EnumerateArray().Select(entry => entry.GetProperty("event").GetString()!)];
    }
}

/// <param name="History">The names of its events, oldest first.</param>
internal sealed record BookedOrder(string Status, decimal Total, IReadOnlyList<string> History);

internal sealed record BookedPayment(string State, decimal Amount);

internal sealed record BookedEvent(Guid Id, Guid Key, string Type);
