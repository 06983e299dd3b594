using EventShop.Messaging;
using Npgsql;

namespace PaymentService;

/// <summary>Payments in PostgreSQL. Writes are group commits: one statement for all that arrived during the commit before.</summary>
public sealed class PaymentStore : IAsyncDisposable
{
    private readonly NpgsqlDataSource _db;
    private readonly Outbox _outbox;
    private readonly GroupCommit<Payment, (Payment, bool)> _beginning;
    private readonly GroupCommit<Settlement, bool> _settling;

    public PaymentStore(NpgsqlDataSource db, Outbox outbox)
    {
        (_db, _outbox) = (db, outbox);
        _beginning = new("payments.begin", payment => payment.OrderId, BeginAllAsync);
        _settling = new("payments.settle", settlement => settlement.OrderId, SettleAllAsync);
    }

    /// <summary>Stores a requested payment, with its key, unless the order has one.</summary>
    /// <returns>The payment the order has, and whether it is this one.</returns>
    public Task<(Payment Payment, bool IsNew)> BeginAsync(Payment requested) => _beginning.WriteAsync(requested);

    /// <returns>False when the payment has been settled before: nothing was changed and nothing told.</returns>
    public Task<bool> SettleAsync(Settlement settlement) => _settling.WriteAsync(settlement);

    /// <summary>Sends the event of an outcome once more.</summary>
    public Task TellAgainAsync(Guid outcomeId, CancellationToken cancellationToken) => _outbox.ResendAsync([outcomeId], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _beginning.DisposeAsync();
        await _settling.DisposeAsync();
    }

    private async Task<IReadOnlyList<(Payment, bool)>> BeginAllAsync(IReadOnlyList<Payment> payments, CancellationToken cancellationToken)
    {
        // The outer select does not see what the insert adds: it returns the payments that were there before.
        await using var command = _db.CreateCommand("""
            with requested as (
              insert into payments (order_id, state, amount, currency, idempotency_key, requested_at)
              select order_id, 'Requested', amount, currency, idempotency_key, requested_at
              from unnest(@order_id, @amount, @currency, @idempotency_key, @requested_at)
                as r (order_id, amount, currency, idempotency_key, requested_at)
              on conflict (order_id) do nothing
            )
            select order_id, state, amount, currency, idempotency_key, requested_at, outcome_id
            from payments where order_id = any(@order_id)
            """)
            .AddColumn("order_id", payments, p => p.OrderId)
            .AddColumn("amount", payments, p => p.Amount)
            .AddColumn("currency", payments, p => p.Currency)
            .AddColumn("idempotency_key", payments, p => p.IdempotencyKey)
            .AddColumn("requested_at", payments, p => p.RequestedAt.UtcDateTime);

        var known = new Dictionary<Guid, Payment>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var payment = new Payment(
                reader.GetGuid(0), Enum.Parse<PaymentState>(reader.GetString(1)), reader.GetDecimal(2), reader.GetString(3),
                reader.GetString(4), reader.GetFieldValue<DateTimeOffset>(5), reader.IsDBNull(6) ? null : reader.GetGuid(6));
            known.Add(payment.OrderId, payment);
        }
        return [.. payments.Select(p => known.TryGetValue(p.OrderId, out var before) ? (before, false) : (p, true))];
    }

    private async Task<IReadOnlyList<bool>> SettleAllAsync(IReadOnlyList<Settlement> settlements, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            with moved as (
              update payments p
              set state = s.state, charge_id = s.charge_id, reason = s.reason, outcome_id = s.outcome_id, settled_at = s.settled_at
              from unnest(@order_id, @state, @charge_id, @reason, @outcome_id, @settled_at)
                as s (order_id, state, charge_id, reason, outcome_id, settled_at)
              where p.order_id = s.order_id and p.state = 'Requested'
              returning p.order_id as key
            )
            {Outbox.AppendForMoved}
            """)
            .AddColumn("order_id", settlements, s => s.OrderId)
            .AddColumn("state", settlements, s => s.State.ToString())
            .AddColumn("charge_id", settlements, s => s.ChargeId)
            .AddColumn("reason", settlements, s => s.Reason)
            .AddColumn("outcome_id", settlements, s => s.Outcome.Id)
            .AddColumn("settled_at", settlements, s => s.At.UtcDateTime);
        var stored = await _outbox.ExecuteAsync(command, [.. settlements.Select(s => s.Outcome)], cancellationToken);
        return [.. settlements.Select(s => stored.Contains(s.Outcome.Id))];
    }
}
