namespace EventShop.Messaging.Tests;

/// <summary>Events that are published at a later time, also by another process, and can be taken back until then.</summary>
public sealed class ScheduledEventTests(SharedPostgres postgres)
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(3);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_scheduled_event_is_published_once_when_it_is_due_and_not_before_also_after_a_restart(bool inATransaction)
    {
        await using var nats = await NatsServer.StartAsync();
        var database = postgres.NewDatabase();
        var dueAt = TimeProvider.System.GetUtcNow() + Later;
        await using (var service = await TestService.StartAsync(nats, database, consumes: false))
        {
            await StoreAsync(service, inATransaction, Ping.Event(1) with { DueAt = dueAt });
            await service.StoreAsync(Ping.Event(2));
            await Eventually.True("the other is published", async () => await service.StreamMessagesAsync() == 1);
        }

        var script = new PingScript();
        await using var next = await TestService.StartAsync(nats, database, script: script);

        await Eventually.True("it is handled", () => script.Handled(1) == 1);
        Assert.True(TimeProvider.System.GetUtcNow() >= dueAt, "it came too early");
        Assert.Equal(2, await next.StreamMessagesAsync());
    }

    [Fact]
    public async Task A_scheduled_event_is_not_overdue_until_it_is_due()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(
            nats, postgres.NewDatabase(), consumes: false, settings: ("Messaging:Outbox:UnhealthyAge", "00:00:01"));
        await service.StoreAsync(Ping.Event(1) with { DueAt = TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(40), Time = TimeProvider.System.GetUtcNow() - TimeSpan.FromDays(1) });

        await Eventually.True("it has been looked at", async () => (await service.HealthAsync("outbox")).Description?.Contains("1 scheduled", StringComparison.Ordinal) is true);
        var health = await service.HealthAsync("outbox");
        Assert.Equal(Microsoft.Extensions.Diagnostics.HealthChecks.HealthStatus.Healthy, health.Status);
        Assert.StartsWith("0 unsent", health.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scheduled_event_can_be_taken_back_until_it_is_due_also_in_a_transaction()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);
        var dueAt = TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(1);
        var (taken, rolledBack, sent) = (Ping.Event(1) with { DueAt = dueAt }, Ping.Event(2) with { DueAt = dueAt }, Ping.Event(3));
        await service.StoreAsync(taken, rolledBack, sent);
        await Eventually.True("one is sent", async () => await service.UnsentAsync() == 2 && await service.StreamMessagesAsync() == 1);

        Assert.True(await service.Outbox.CancelAsync(taken.Id, Cancelled));
        Assert.False(await service.Outbox.CancelAsync(taken.Id, Cancelled));
        Assert.False(await service.Outbox.CancelAsync(sent.Id, Cancelled));
        await using (var connection = await service.Db.OpenConnectionAsync(Cancelled))
        await using (var transaction = await connection.BeginTransactionAsync(Cancelled))
        {
            Assert.True(await service.Outbox.CancelAsync(transaction, rolledBack.Id, Cancelled));
            await transaction.RollbackAsync(Cancelled);
        }

        Assert.Equal(rolledBack.Id, await service.ScalarAsync<Guid>("select id from outbox_unsent"));
        // Sent again by an operator, a cancelled event stays cancelled.
        await service.Outbox.ResendAsync([taken.Id], Cancelled);
        Assert.Equal(1, await service.ScalarAsync<long>("select count(*) from outbox_unsent"));
    }

    private static async Task StoreAsync(TestService service, bool inATransaction, OutboxEvent e)
    {
        if (!inATransaction)
        {
            await service.StoreAsync(e);
            return;
        }
        await using var connection = await service.Db.OpenConnectionAsync(Cancelled);
        await using var transaction = await connection.BeginTransactionAsync(Cancelled);
        await service.Outbox.AppendAsync(transaction, Cancelled, e);
        await transaction.CommitAsync(Cancelled);
    }
}
