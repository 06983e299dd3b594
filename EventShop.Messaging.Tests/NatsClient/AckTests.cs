using static EventShop.Messaging.Tests.NatsClient.NatsTest;

namespace EventShop.Messaging.Tests.NatsClient;

/// <summary>What Consumers/Settlement.cs relies on when it tells the broker what became of a message.</summary>
public sealed class AckTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task An_acknowledgement_that_is_late_double_or_for_nobody_does_not_throw()
    {
        await using var connection = Connect(nats.Server.Url);
        var (stream, consumer) = await CreateAsync(connection, 1);
        var message = await consumer.NextAsync<int>(cancellationToken: Ct);

        await message!.AckAsync(cancellationToken: Ct);
        await message.AckAsync(cancellationToken: Ct);
        await stream.DeleteConsumerAsync("worker", Ct);
        await message.AckProgressAsync(cancellationToken: Ct);

        Assert.True(await connection.PingAsync(Ct) > TimeSpan.Zero);
    }

    [Fact(Timeout = Limit)]
    public async Task An_acknowledgement_while_the_broker_is_away_is_sent_when_it_is_back()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        var (_, consumer) = await CreateAsync(connection, 1);
        var message = await consumer.NextAsync<int>(cancellationToken: Ct);
        await server.StopAsync();
        await LostAsync(connection);

        var acknowledging = message!.AckAsync(cancellationToken: Ct);
        Assert.False(acknowledging.IsCompleted);
        await server.RestartAsync();
        await acknowledging;

        await Eventually.True("the broker has it", async () => await AckPendingAsync(consumer) == 0);
    }
}
