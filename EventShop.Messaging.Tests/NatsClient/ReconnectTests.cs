using NATS.Client.Core;
using NATS.Client.JetStream;
using static EventShop.Messaging.Tests.NatsClient.NatsTest;

namespace EventShop.Messaging.Tests.NatsClient;

/// <summary>That a connection made with MessagingBuilder.cs's ForMessaging comes back from everything, and closes in order.</summary>
public sealed class ReconnectTests
{
    private const string Users = """
        authorization { users: [
          { user: shop, password: secret, permissions: { publish: ["$JS.API.>", "news"], subscribe: ["_INBOX_test.>", "news"] } }
        ] }
        """;

    /// <summary>OrderService/OrderChanges.cs subscribes once; Topology.cs looks at the streams at each opening; every call of JetStream waits for a reply.</summary>
    [Fact(Timeout = Limit)]
    public async Task After_a_restart_it_is_open_again_and_says_so_and_subscriptions_and_replies_arrive()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        var opened = 0;
        connection.ConnectionOpened += (_, _) =>
        {
            Interlocked.Increment(ref opened);
            return default;
        };
        await using var subscription = await connection.SubscribeCoreAsync<int>("news", cancellationToken: Ct);

        server.Kill();
        await LostAsync(connection);
        await server.RestartAsync();
        await connection.PublishAsync("news", 1, cancellationToken: Ct);

        Assert.Equal(1, (await subscription.Msgs.ReadAsync(Ct)).Data);
        await new NatsJSContext(connection).GetAccountInfoAsync(Ct);
        await Eventually.True("both openings were told", () => opened == 2);
    }

    /// <summary>Outbox/EventPublisher.cs and the health check go by the state: without it they would wait for a broker that is frozen.</summary>
    [Fact(Timeout = Limit)]
    public async Task A_broker_that_is_frozen_is_no_longer_open_soon_and_is_used_again()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url, opts => opts with { PingInterval = TimeSpan.FromMilliseconds(200) });
        await connection.ConnectAsync();

        server.Pause();
        await LostAsync(connection);
        server.Resume();

        await Eventually.True("it is open again", () => connection.ConnectionState is NatsConnectionState.Open);
    }

    /// <summary>deploy/nats/users.conf gives each service an inbox prefix of its own, and its passwords are changed while it runs.</summary>
    [Fact(Timeout = Limit)]
    public async Task Replies_come_below_its_own_prefix_and_a_password_refused_again_and_again_is_tried_again()
    {
        await using var server = await NatsServer.StartAsync(Users);
        await using var connection = Connect(server.UrlFor("shop", "secret"));
        var js = new NatsJSContext(connection);
        await js.GetAccountInfoAsync(Ct);
        var refusals = 0;
        connection.ReconnectFailed += (_, _) =>
        {
            // A server that is down is no refusal.
            Interlocked.Add(ref refusals, server.IsRunning ? 1 : 0);
            return default;
        };

        server.Config = Users.Replace("secret", "changed", StringComparison.Ordinal);
        await server.RestartAsync();
        await Eventually.True("it was refused several times", () => refusals >= 4);
        server.Config = Users;
        await server.RestartAsync();

        await Eventually.True("it is open again", () => connection.ConnectionState is NatsConnectionState.Open);
        await js.GetAccountInfoAsync(Ct);
    }

    /// <summary>Consumers/Consumer.cs stops with its last acknowledgements on their way; the connection is closed right after.</summary>
    [Fact(Timeout = Limit)]
    public async Task Closing_sends_every_acknowledgement_first_and_ends_subscriptions()
    {
        await using var server = await NatsServer.StartAsync();
        await using var observer = Connect(server.Url);
        var (stream, observed) = await CreateAsync(observer, 200);
        var closing = Connect(server.Url);
        var consumer = await new NatsJSContext(closing).GetConsumerAsync(stream.Info.Config.Name!, "worker", Ct);
        var messages = await consumer.FetchAsync<int>(new NatsJSFetchOpts { MaxMsgs = 200 }, cancellationToken: Ct).ToListAsync(Ct);
        await using var subscription = await closing.SubscribeCoreAsync<int>("news", cancellationToken: Ct);

        foreach (var message in messages)
            await message.AckAsync(cancellationToken: Ct);
        await closing.DisposeAsync();

        await Eventually.True("the broker has them all", async () => await AckPendingAsync(observed) == 0);
        Assert.Empty(await subscription.Msgs.ReadAllAsync(Ct).ToListAsync(Ct));
    }
}
