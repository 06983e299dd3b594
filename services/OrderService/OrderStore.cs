using System.Text.Json;
using Dapper;
using EventShop.Messaging;
using Npgsql;

namespace OrderService;

/// <summary>Orders in PostgreSQL. Writes are group commits: one statement for all that arrived during the commit before.</summary>
public sealed class OrderStore : IAsyncDisposable
{
    private sealed record Placing(Order Order, OutboxEvent Created);

    private sealed record Moving(Transition Transition, OutboxEvent Event);

    private sealed record Row(
        Guid Id, string CustomerId, string Status, string Currency, decimal Total, string Items, DateTime CreatedAt, string History);

    private readonly NpgsqlDataSource _db;
    private readonly Outbox _outbox;
    private readonly GroupCommit<Placing, bool> _placing;
    private readonly GroupCommit<Moving, bool> _moving;

    public OrderStore(NpgsqlDataSource db, Outbox outbox)
    {
        (_db, _outbox) = (db, outbox);
        _placing = new("orders.place", write => write.Order.Id, PlaceAllAsync);
        _moving = new("orders.move", write => write.Transition.OrderId, MoveAllAsync);
    }

    /// <summary>Completes when the order and its event are on disk.</summary>
    public Task PlaceAsync(Order order, OutboxEvent created) => _placing.WriteAsync(new(order, created));

    /// <returns>False when the order is not in the state the transition starts from: nothing was changed and nothing told.</returns>
    public Task<bool> MoveAsync(Transition transition, OutboxEvent @event) => _moving.WriteAsync(new(transition, @event));

    /// <summary>Takes orders that have been pending, and not announced, for longer than <paramref name="pendingAfter"/>.</summary>
    /// <returns>Their ids, which are also the ids of the events that announced them; oldest first.</returns>
    public async Task<IReadOnlyList<Guid>> TakeOverdueAsync(TimeSpan pendingAfter, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await _db.OpenConnectionAsync(cancellationToken);
        return [.. await connection.QueryAsync<Guid>(new(
            """
            update orders o set announced_at = now()
            from (
              select id from orders
              where status = 'Pending' and coalesce(announced_at, created_at) < now() - @pendingAfter
              order by id limit @limit for update skip locked
            ) overdue
            where o.id = overdue.id
            returning o.id
            """, new { pendingAfter, limit }, cancellationToken: cancellationToken))];
    }

    public async Task<Order?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await _db.OpenConnectionAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new(
            """
            select id, customer_id as CustomerId, status, currency, total, items::text, created_at as CreatedAt, history::text
            from orders where id = @id
            """, new { id }, cancellationToken: cancellationToken));
        return row is null ? null : new(
            row.Id, row.CustomerId, Enum.Parse<OrderStatus>(row.Status), row.Currency, row.Total,
            JsonSerializer.Deserialize(row.Items, OrderJson.Default.IReadOnlyListOrderLine)!, row.CreatedAt,
            JsonSerializer.Deserialize(row.History, OrderJson.Default.IReadOnlyListHistoryEntry)!);
    }

    public async ValueTask DisposeAsync()
    {
        await _placing.DisposeAsync();
        await _moving.DisposeAsync();
    }

    private async Task<IReadOnlyList<bool>> PlaceAllAsync(IReadOnlyList<Placing> writes, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            with moved as (
              insert into orders (id, customer_id, status, currency, total, items, history, created_at)
              select id, customer_id, 'Pending', currency, total, items::jsonb, history::jsonb, created_at
              from unnest(@id, @customer_id, @currency, @total, @items, @history, @created_at)
                as o (id, customer_id, currency, total, items, history, created_at)
              returning id as key
            )
            {Outbox.AppendForMoved}
            """)
            .AddColumn("id", writes, w => w.Order.Id)
            .AddColumn("customer_id", writes, w => w.Order.CustomerId)
            .AddColumn("currency", writes, w => w.Order.Currency)
            .AddColumn("total", writes, w => w.Order.Total)
            .AddColumn("items", writes, w => JsonSerializer.Serialize(w.Order.Items, OrderJson.Default.IReadOnlyListOrderLine))
            .AddColumn("history", writes, w => JsonSerializer.Serialize(w.Order.History, OrderJson.Default.IReadOnlyListHistoryEntry))
            .AddColumn("created_at", writes, w => w.Order.CreatedAt.UtcDateTime);
        return await StoreAsync(command, [.. writes.Select(w => w.Created)], cancellationToken);
    }

    private async Task<IReadOnlyList<bool>> MoveAllAsync(IReadOnlyList<Moving> writes, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            with moved as (
              update orders o set status = t.to_status, history = o.history || t.entry::jsonb
              from unnest(@id, @from_status, @to_status, @entry) as t (id, from_status, to_status, entry)
              where o.id = t.id and o.status = t.from_status
              returning o.id as key
            )
            {Outbox.AppendForMoved}
            """)
            .AddColumn("id", writes, w => w.Transition.OrderId)
            .AddColumn("from_status", writes, w => w.Transition.From.ToString())
            .AddColumn("to_status", writes, w => w.Transition.To.ToString())
            .AddColumn("entry", writes, w => JsonSerializer.Serialize(w.Transition.Entry, OrderJson.Default.HistoryEntry));
        return await StoreAsync(command, [.. writes.Select(w => w.Event)], cancellationToken);
    }

    private async Task<IReadOnlyList<bool>> StoreAsync(
        NpgsqlCommand command, IReadOnlyList<OutboxEvent> events, CancellationToken cancellationToken)
    {
        var stored = await _outbox.ExecuteAsync(command, events, cancellationToken);
        return [.. events.Select(e => stored.Contains(e.Id))];
    }
}
