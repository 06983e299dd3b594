using NATS.Client.Core;
using NATS.Client.JetStream;
using static EventShop.Messaging.Tests.NatsClient.NatsTest;

namespace EventShop.Messaging.Tests.NatsClient;

/// <summary>How a publish ends. Outbox/EventPublisher.cs parks, repeats or forgets an event by it.</summary>
public sealed class PublishTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Theory(Timeout = Limit)]
    [InlineData("two words", "value", 1, typeof(NatsException))]
    [InlineData("S.n", "two\r\nlines", 1, typeof(NatsException))]
    [InlineData("S.n", "value", 1024 * 1024, typeof(NatsPayloadTooLargeException))]
    public async Task What_the_client_refuses_is_a_result_of_exactly_this_type_and_the_connection_stays(
        string subject, string header, int size, Type expected)
    {
        await using var connection = Connect(nats.Server.Url);
        await connection.ConnectAsync();

        var result = await new NatsJSContext(connection).TryPublishAsync(
            subject, new byte[size], headers: new NatsHeaders { ["name"] = header }, cancellationToken: Ct);

        Assert.False(result.Success);
        Assert.IsType(expected, result.Error, exactMatch: true);
        Assert.Equal(NatsConnectionState.Open, connection.ConnectionState);
    }

    [Fact(Timeout = Limit)]
    public async Task Without_a_stream_or_an_answer_the_result_is_an_error_that_is_not_the_bare_one()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url, opts => opts with { RequestTimeout = TimeSpan.FromMilliseconds(300) });
        var js = new NatsJSContext(connection);
        var (stream, _) = await CreateAsync(connection, 0);

        var nowhere = await js.TryPublishAsync("nowhere", "one", cancellationToken: Ct);
        server.Pause();
        var unanswered = await js.TryPublishAsync($"{stream.Info.Config.Name}.n", "one", cancellationToken: Ct);
        server.Resume();

        Assert.IsType<NatsJSPublishNoResponseException>(nowhere.Error);
        Assert.IsType<NatsJSPublishNoResponseException>(unanswered.Error);
    }

    [Fact(Timeout = Limit)]
    public async Task On_a_closed_connection_it_throws_what_is_no_exception_of_the_clients()
    {
        var connection = Connect(nats.Server.Url);
        await connection.ConnectAsync();
        await connection.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(
            async () => await new NatsJSContext(connection).TryPublishAsync("S.n", "one", cancellationToken: Ct));
    }
}
