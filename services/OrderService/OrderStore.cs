using System.Text.Json;
using Dapper;
using EventShop.Messaging;
using EventShop.Postgres;
using Npgsql;

namespace OrderService;

/// <summary>Orders in PostgreSQL. Writes are group commits: one statement for all that arrived during the commit before.</summary>
public sealed class OrderStore : IAsyncDisposable
{
    private sealed record Placing(Order Order, OutboxEvent Created);

    private sealed record Moving(Transition Transition, OutboxEvent Event);

    private sealed record Row(
        Guid Id, string CustomerId, string Status, string Currency, decimal Total, string Items, DateTime CreatedAt, string History);

    /// <summary>Inserts the orders that <see cref="AddOrders"/> adds to the command.</summary>
    internal const string InsertOrders = """
        insert into orders (id, customer_id, status, currency, total, items, history, created_at)
        select id, customer_id, 'Pending', currency, total, items::jsonb, history::jsonb, created_at
        from unnest(@id, @customer_id, @currency, @total, @items, @history, @created_at)
          as o (id, customer_id, currency, total, items, history, created_at)
        """;

    private readonly NpgsqlDataSource _db;
    private readonly Outbox _outbox;
    private readonly OrderFacts _facts;
    private readonly GroupCommit<Placing, bool> _placing;
    private readonly GroupCommit<Moving, bool> _moving;

    public OrderStore(NpgsqlDataSource db, Outbox outbox, OrderFacts facts)
    {
        (_db, _outbox, _facts) = (db, outbox, facts);
        _placing = new("orders.place", write => write.Order.Id, PlaceAllAsync);
        _moving = new("orders.move", write => write.Transition.OrderId, MoveAllAsync);
    }

    /// <summary>Completes when the order and its event are on disk.</summary>
    public async Task PlaceAsync(Order order, OutboxEvent created)
    {
        await _placing.WriteAsync(new(order, created));
        _facts.Placed(order.Id);
    }

    /// <returns>
    /// False when the order is not in the state the transition starts from, or has another price: nothing was changed and nothing told.
    /// </returns>
    public async Task<bool> MoveAsync(Transition transition, OutboxEvent @event)
    {
        var moved = await _moving.WriteAsync(new(transition, @event));
        if (moved)
            _facts.Moved(transition);
        return moved;
    }

    /// <summary>
    /// Takes orders that wait for the payment service since before <paramref name="since"/>, and were not announced after it. The others
    /// that wait are not even read: with the payment service away there may be a million.
    /// </summary>
    /// <returns>The events that announced them or their cancellation. (An order's id is also that of the event that announced it.)</returns>
    public async Task<IReadOnlyList<Guid>> TakeOverdueAsync(DateTimeOffset since, DateTimeOffset now, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await _db.OpenConnectionAsync(cancellationToken);
        return [.. await connection.QueryAsync<Guid>(new(
            """
            update orders o set announced_at = @now
            from (
              select * from (
                select id from orders where status = 'Pending' and id < @firstAfter and (announced_at is null or announced_at < @since)
                order by id limit @limit for update skip locked) pending
              union all
              select * from (
                select id from orders where cancellation_id is not null and announced_at < @since
                order by id limit @limit for update skip locked) cancelled
            ) overdue
            where o.id = overdue.id
            returning coalesce(o.cancellation_id, o.id)
            """, new { firstAfter = UuidV7.FirstAt(since), since = since.UtcDateTime, now = now.UtcDateTime, limit }, cancellationToken: cancellationToken))];
    }

    /// <returns>Orders that are pending and were placed before <paramref name="since"/>, oldest first.</returns>
    public async Task<IReadOnlyList<Guid>> PendingSinceAsync(DateTimeOffset since, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await _db.OpenConnectionAsync(cancellationToken);
        return [.. await connection.QueryAsync<Guid>(new(
            "select id from orders where status = 'Pending' and id < @firstAfter order by id limit @limit",
            new { firstAfter = UuidV7.FirstAt(since), limit }, cancellationToken: cancellationToken))];
    }

    /// <summary>The payment service has answered a cancelled order's cancellation: it need not be told again.</summary>
    public async Task CancellationAnsweredAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await _db.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new(
            "update orders set cancellation_id = null where id = @id and status = 'Cancelled' and cancellation_id is not null",
            new { id }, cancellationToken: cancellationToken));
    }

    public async Task<Order?> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await _db.OpenConnectionAsync(cancellationToken);
        var row = await connection.QuerySingleOrDefaultAsync<Row>(new(
            $"select {OrderPage.Columns} from orders where id = @id", new { id }, cancellationToken: cancellationToken));
        return row is null ? null : Read(row);
    }

    /// <returns>At most <see cref="OrderPage.Limit"/> orders, newest first, and whether there are more.</returns>
    public async Task<(IReadOnlyList<Order> Orders, bool HasMore)> ListAsync(OrderPage page, CancellationToken cancellationToken)
    {
        await using var connection = await _db.OpenConnectionAsync(cancellationToken);
        var rows = await connection.QueryAsync<Row>(new(
            page.Sql, new { page.CustomerId, Status = page.Status?.ToString(), page.After, Take = page.Limit + 1 },
            cancellationToken: cancellationToken));
        var orders = rows.Select(Read).ToArray();
        return orders.Length > page.Limit ? (orders[..page.Limit], true) : (orders, false);
    }

    public async ValueTask DisposeAsync()
    {
        await _placing.DisposeAsync();
        await _moving.DisposeAsync();
    }

    private static Order Read(Row row) => new(
        row.Id, row.CustomerId, Enum.Parse<OrderStatus>(row.Status), row.Currency, row.Total,
        JsonSerializer.Deserialize(row.Items, OrderJson.Default.IReadOnlyListOrderLine)!, row.CreatedAt,
        JsonSerializer.Deserialize(row.History, OrderJson.Default.IReadOnlyListHistoryEntry)!);

    private async Task<IReadOnlyList<bool>> PlaceAllAsync(IReadOnlyList<Placing> writes, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"{InsertOrders} returning id");
        AddOrders(command, writes, w => w.Order);
        return await StoreAsync(command, [.. writes.Select(w => w.Created)], cancellationToken);
    }

    internal static void AddOrders<TWrite>(NpgsqlCommand command, IReadOnlyList<TWrite> writes, Func<TWrite, Order> order) => command
        .AddColumn("id", writes, w => order(w).Id)
        .AddColumn("customer_id", writes, w => order(w).CustomerId)
        .AddColumn("currency", writes, w => order(w).Currency)
        .AddColumn("total", writes, w => order(w).Total)
        .AddColumn("items", writes, w => JsonSerializer.Serialize(order(w).Items, OrderJson.Default.IReadOnlyListOrderLine))
        .AddColumn("history", writes, w => JsonSerializer.Serialize(order(w).History, OrderJson.Default.IReadOnlyListHistoryEntry))
        .AddColumn("created_at", writes, w => order(w).CreatedAt.UtcDateTime);

    private async Task<IReadOnlyList<bool>> MoveAllAsync(IReadOnlyList<Moving> writes, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("""
            update orders o
            set status = t.to_status, history = o.history || t.entry::jsonb, cancellation_id = t.cancellation_id,
                announced_at = case when t.cancellation_id is null then o.announced_at else now() end
            from unnest(@id, @from_status, @to_status, @amount, @currency, @entry, @cancellation_id)
              as t (id, from_status, to_status, amount, currency, entry, cancellation_id)
            where o.id = t.id and o.status = t.from_status and (t.amount is null or (o.total = t.amount and o.currency = t.currency))
            returning o.id
            """)
            .AddColumn("id", writes, w => w.Transition.OrderId)
            .AddColumn("from_status", writes, w => w.Transition.From.ToString())
            .AddColumn("to_status", writes, w => w.Transition.To.ToString())
            .AddColumn("amount", writes, w => w.Transition.Price?.Amount)
            .AddColumn("currency", writes, w => w.Transition.Price?.Currency)
            .AddColumn("entry", writes, w => JsonSerializer.Serialize(w.Transition.Entry, OrderJson.Default.HistoryEntry))
            .AddColumn("cancellation_id", writes, w => w.Transition.AwaitsPayment ? w.Event.Id : (Guid?)null);
        return await StoreAsync(command, [.. writes.Select(w => w.Event)], cancellationToken);
    }

    private async Task<IReadOnlyList<bool>> StoreAsync(
        NpgsqlCommand command, IReadOnlyList<OutboxEvent> events, CancellationToken cancellationToken)
    {
        var stored = await _outbox.ApplyAsync(command, events, cancellationToken);
        return [.. events.Select(e => stored.Contains(e.Id))];
    }
}
