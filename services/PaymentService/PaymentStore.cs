using System.Text.Json;
using EventShop.Messaging;
using EventShop.Postgres;
using Npgsql;

namespace PaymentService;

/// <summary>
/// Payments in PostgreSQL. Each statement applies to the states it names only, so that it applies once. What every order needs is a
/// group commit: one statement for all that arrived during the commit before.
/// </summary>
public sealed class PaymentStore : IAsyncDisposable
{
    private const string Columns = """
        order_id, state, amount, currency, idempotency_key, requested_at, attempts::text, cancelled_at is not null, charge_id, refund_id,
        reason, outcome_id, settled_at
        """;

    /// <summary>The last attempt with what came of it.</summary>
    private const string Noted = "jsonb_set(attempts, '{-1,result}', to_jsonb(@result::text))";

    /// <summary>
    /// Since when a payment waits for the gateway, once the gateway has failed it. One that is well is never written here: it would cost
    /// each payment an entry of an index.
    /// </summary>
    private const string Waiting = """
        case when state in ('Requested', 'Unknown') then coalesce(waiting_since, requested_at) else waiting_since end
        """;

    private readonly NpgsqlDataSource _db;
    private readonly Outbox _outbox;
    private readonly ILogger<PaymentStore> _log;
    private readonly GroupCommit<Payment, (Payment, bool)> _beginning;
    private readonly GroupCommit<Settlement, bool> _settling;

    public PaymentStore(NpgsqlDataSource db, Outbox outbox, ILogger<PaymentStore> log)
    {
        (_db, _outbox, _log) = (db, outbox, log);
        _beginning = new("payments.begin", payment => payment.OrderId, BeginAllAsync);
        _settling = new("payments.settle", settlement => settlement.OrderId, SettleAllAsync);
    }

    /// <summary>Stores a requested payment, with its key and its first attempt, unless the order has one.</summary>
    /// <returns>The payment the order has, and whether it is this one.</returns>
    public Task<(Payment Payment, bool IsNew)> BeginAsync(Payment requested) => _beginning.WriteAsync(requested);

    /// <returns>False when the payment has been settled before: nothing was changed and nothing told.</returns>
    public async Task<bool> SettleAsync(Settlement settlement)
    {
        var applied = await _settling.WriteAsync(settlement);
        if (applied)
            _log.PaymentSettled(settlement.OrderId, settlement.State);
        return applied;
    }

    /// <summary>Sends the event of an outcome once more.</summary>
    public Task TellAgainAsync(Guid outcomeId, CancellationToken cancellationToken) => _outbox.ResendAsync([outcomeId], cancellationToken);

    public Task<Payment?> FindAsync(Guid orderId, CancellationToken cancellationToken) =>
        ReadOneAsync(_db.CreateCommand($"select {Columns} from payments where order_id = @order_id").AddValue("order_id", orderId), cancellationToken);

    /// <summary>Notes that the order is cancelled. A payment that was never heard of is stored as one that is never made.</summary>
    /// <returns>The payment that was known; null when it was not.</returns>
    public async Task<Payment?> CancelAsync(Payment unheardOf, CancellationToken cancellationToken)
    {
        var told = unheardOf.Failed(Payment.OrderCancelled, unheardOf.RequestedAt);
        await using var command = _db.CreateCommand("""
            insert into payments (order_id, state, amount, currency, idempotency_key, requested_at, cancelled_at, reason, outcome_id, settled_at)
            values (@order_id, 'Cancelled', @amount, @currency, @idempotency_key, @now, @now, @reason, @outcome_id, @now)
            on conflict (order_id) do nothing
            returning order_id
            """)
            .AddValue("order_id", unheardOf.OrderId)
            .AddValue("amount", unheardOf.Amount)
            .AddValue("currency", unheardOf.Currency)
            .AddValue("idempotency_key", unheardOf.IdempotencyKey)
            .AddValue("now", unheardOf.RequestedAt.UtcDateTime)
            .AddValue("reason", unheardOf.Reason!)
            .AddValue("outcome_id", told.Id);
        if ((await _outbox.ApplyAsync(command, [told], cancellationToken)).Count > 0)
        {
            _log.PaymentSettled(unheardOf.OrderId, PaymentState.Cancelled);
            return null;
        }

        return await ReadOneAsync(_db.CreateCommand(
            $"update payments set cancelled_at = coalesce(cancelled_at, @now) where order_id = @order_id returning {Columns}")
            .AddValue("order_id", unheardOf.OrderId).AddValue("now", unheardOf.RequestedAt.UtcDateTime), cancellationToken);
    }

    /// <summary>Stores a call to the gateway before it is made, and what came of the one before.</summary>
    /// <param name="orderId">The payment.</param>
    /// <param name="next">The call.</param>
    /// <param name="result">Why the one before failed; null when this is the first of its kind.</param>
    /// <returns>False when it must not be made: it is a charge, and the order is cancelled.</returns>
    public async Task<bool> AttemptAsync(Guid orderId, Attempt next, string? result)
    {
        // The oldest of a hundred makes room: a gateway that is away for a day must not grow the row.
        await using var command = _db.CreateCommand($"""
            update payments
            set state = case when state = 'Requested' and @result::text is not null then 'Unknown' else state end,
                waiting_since = case when @result::text is not null then {Waiting} else waiting_since end,
                attempts = (case when @result::text is null then attempts else {Noted} end)
                  - (case when jsonb_array_length(attempts) >= 100 then 0 else 1000000 end) || @next::jsonb
            where order_id = @order_id and (@kind <> 'charge' or cancelled_at is null)
            """)
            .AddValue("order_id", orderId).AddValue("result", result).AddValue("kind", next.Kind)
            .AddValue("next", JsonSerializer.Serialize(next, PaymentJson.Default.Attempt));
        return await command.ExecuteNonQueryAsync() == 1;
    }

    /// <summary>Notes why the last call failed. What it was to do may or may not have been done.</summary>
    public async Task FailAsync(Guid orderId, string result)
    {
        await using var command = _db.CreateCommand($"""
            update payments
            set state = case state when 'Requested' then 'Unknown' else state end, waiting_since = {Waiting}, attempts = {Noted}
            where order_id = @order_id
            """).AddValue("order_id", orderId).AddValue("result", result);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Notes that a payment waits: the gateway is not even called.</summary>
    public async Task WaitAsync(Guid orderId)
    {
        await using var command = _db.CreateCommand(
            $"update payments set waiting_since = {Waiting} where order_id = @order_id and waiting_since is null").AddValue("order_id", orderId);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Counts the payments that wait for the gateway, to be charged or to be given back.</summary>
    public async Task<WaitingPayments> WaitingAsync(CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("select count(*), min(waiting_since) from payments where waiting_since is not null");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new(reader.GetInt64(0), await reader.IsDBNullAsync(1, cancellationToken) ? null : reader.GetFieldValue<DateTimeOffset>(1));
    }

    /// <returns>The payment, about to be refunded; null when there is nothing to refund.</returns>
    public Task<Payment?> BeginRefundAsync(Guid orderId, DateTimeOffset now, CancellationToken cancellationToken) =>
        ReadOneAsync(_db.CreateCommand($"""
            update payments
            set state = 'Refunding', waiting_since = coalesce(waiting_since, cancelled_at),
                attempts = case state when 'Captured' then attempts || @next::jsonb else attempts end
            where order_id = @order_id and state in ('Captured', 'Refunding')
            returning {Columns}
            """).AddValue("order_id", orderId)
            .AddValue("next", JsonSerializer.Serialize(new Attempt(Attempt.Refund, now, null), PaymentJson.Default.Attempt)), cancellationToken);

    public async Task FinishRefundAsync(Payment payment, string refundId, OutboxEvent outcome, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            update payments
            set state = 'Refunded', refund_id = @refund_id, outcome_id = @outcome_id, settled_at = @now, waiting_since = null,
                attempts = {Noted}
            where order_id = @order_id and state = 'Refunding'
            returning order_id
            """).AddValue("order_id", payment.OrderId).AddValue("refund_id", refundId).AddValue("outcome_id", outcome.Id)
            .AddValue("now", now.UtcDateTime).AddValue("result", "refunded");
        if ((await _outbox.ApplyAsync(command, [outcome], cancellationToken)).Count > 0)
            _log.PaymentSettled(payment.OrderId, PaymentState.Refunded);
    }

    /// <summary>A payment that was given up for never made is captured.</summary>
    /// <returns>False when the order is not cancelled: the money is owed, or has been given back.</returns>
    public async Task<bool> ReopenAsync(Guid orderId, string chargeId, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            update payments
            set state = case state when 'Cancelled' then 'Captured' else state end, charge_id = @charge_id,
                attempts = case state when 'Cancelled' then {Noted} else attempts end
            where order_id = @order_id and cancelled_at is not null and state in ('Cancelled', 'Captured', 'Refunding')
            """).AddValue("order_id", orderId).AddValue("charge_id", chargeId).AddValue("result", "captured");
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>Takes a payment whose charge is to be looked for once more. Until <see cref="LookedAsync"/>, it comes again.</summary>
    /// <returns>Null when none is due.</returns>
    public Task<Payment?> TakeDueForLookAsync(DateTimeOffset now, TimeSpan again, CancellationToken cancellationToken) =>
        ReadOneAsync(_db.CreateCommand($"""
            update payments set look_again_at = @again
            where order_id = (
              select order_id from payments where look_again_at <= @now order by look_again_at limit 1 for update skip locked)
            returning {Columns}
            """).AddValue("now", now.UtcDateTime).AddValue("again", (now + again).UtcDateTime), cancellationToken);

    public async Task LookedAsync(Guid orderId, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand($"""
            update payments set look_again_at = null, attempts = case state when 'Cancelled' then {Noted} else attempts end
            where order_id = @order_id
            """).AddValue("order_id", orderId).AddValue("result", "no charge");
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _beginning.DisposeAsync();
        await _settling.DisposeAsync();
    }

    private async Task<IReadOnlyList<(Payment, bool)>> BeginAllAsync(IReadOnlyList<Payment> payments, CancellationToken cancellationToken)
    {
        // The outer select does not see what the insert adds: it returns the payments that were there before.
        await using var command = _db.CreateCommand($"""
            with requested as (
              insert into payments (order_id, state, amount, currency, idempotency_key, requested_at, attempts)
              select order_id, 'Requested', amount, currency, idempotency_key, requested_at, attempts::jsonb
              from unnest(@order_id, @amount, @currency, @idempotency_key, @requested_at, @attempts)
                as r (order_id, amount, currency, idempotency_key, requested_at, attempts)
              on conflict (order_id) do nothing
            )
            select {Columns} from payments where order_id = any(@order_id)
            """)
            .AddColumn("order_id", payments, p => p.OrderId)
            .AddColumn("amount", payments, p => p.Amount)
            .AddColumn("currency", payments, p => p.Currency)
            .AddColumn("idempotency_key", payments, p => p.IdempotencyKey)
            .AddColumn("requested_at", payments, p => p.RequestedAt.UtcDateTime)
            .AddColumn("attempts", payments, p => JsonSerializer.Serialize(p.Attempts, PaymentJson.Default.IReadOnlyListAttempt));

        var known = new Dictionary<Guid, Payment>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            known.Add(reader.GetGuid(0), Read(reader));
        return [.. payments.Select(p => known.TryGetValue(p.OrderId, out var before) ? (before, false) : (p, true))];
    }

    private async Task<IReadOnlyList<bool>> SettleAllAsync(IReadOnlyList<Settlement> settlements, CancellationToken cancellationToken)
    {
        await using var command = _db.CreateCommand("""
            update payments p
            set state = s.state, charge_id = s.charge_id, reason = s.reason, outcome_id = s.outcome_id, settled_at = s.settled_at,
                look_again_at = s.look_again_at, waiting_since = null,
                attempts = jsonb_set(p.attempts, '{-1,result}', to_jsonb(lower(s.state)))
            from unnest(@order_id, @state, @charge_id, @reason, @outcome_id, @settled_at, @look_again_at)
              as s (order_id, state, charge_id, reason, outcome_id, settled_at, look_again_at)
            where p.order_id = s.order_id and p.state in ('Requested', 'Unknown')
            returning p.order_id
            """)
            .AddColumn("order_id", settlements, s => s.OrderId)
            .AddColumn("state", settlements, s => s.State.ToString())
            .AddColumn("charge_id", settlements, s => s.ChargeId)
            .AddColumn("reason", settlements, s => s.Reason)
            .AddColumn("outcome_id", settlements, s => s.Outcome.Id)
            .AddColumn("settled_at", settlements, s => s.At.UtcDateTime)
            // Not as DateTime?: Npgsql takes the type of an array from its first value, and of a null takes the wrong one.
            .AddColumn("look_again_at", settlements, s => s.LookAgainAt?.ToUniversalTime());
        var stored = await _outbox.ApplyAsync(command, [.. settlements.Select(s => s.Outcome)], cancellationToken);
        return [.. settlements.Select(s => stored.Contains(s.Outcome.Id))];
    }

    private static async Task<Payment?> ReadOneAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using (command)
        {
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            return await reader.ReadAsync(cancellationToken) ? Read(reader) : null;
        }
    }

    private static Payment Read(NpgsqlDataReader row)
    {
        return new(
            row.GetGuid(0), Enum.Parse<PaymentState>(row.GetString(1)), row.GetDecimal(2), row.GetString(3), row.GetString(4),
            row.GetFieldValue<DateTimeOffset>(5), JsonSerializer.Deserialize(row.GetString(6), PaymentJson.Default.IReadOnlyListAttempt)!,
            row.GetBoolean(7), Text(8), Text(9), Text(10), row.IsDBNull(11) ? null : row.GetGuid(11),
            row.IsDBNull(12) ? null : row.GetFieldValue<DateTimeOffset>(12));

        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
    }
}
