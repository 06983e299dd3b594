using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging.Tests.NatsClient;

/// <summary>One nats-server for all tests of a class.</summary>
public sealed class SharedNats : IAsyncLifetime
{
    public NatsServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await NatsServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>
/// What the tests here share. They say what the shop relies on in NATS.Net, with the options of its own connections, and nothing else
/// about it: a new version of the package that passes them fits the shop.
/// </summary>
internal static class NatsTest
{
    /// <summary>No test waits longer than this, in milliseconds.</summary>
    public const int Limit = 60_000;

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static NatsConnection Connect(string url, Func<NatsOpts, NatsOpts>? with = null)
    {
        var opts = new NatsOpts { Url = url }.ForMessaging("test");
        return new NatsConnection(with?.Invoke(opts) ?? opts);
    }

    public static async Task LostAsync(NatsConnection connection) => await Eventually.True(
        "the loss is noticed", () => connection.ConnectionState is NatsConnectionState.Reconnecting);

    /// <summary>A stream of its own with this many messages, numbers from 0 on, and a durable consumer of them.</summary>
    public static async Task<(INatsJSStream Stream, INatsJSConsumer Consumer)> CreateAsync(NatsConnection connection, int messages)
    {
        var js = new NatsJSContext(connection);
        var name = $"S{Guid.NewGuid():N}";
        var stream = await js.CreateStreamAsync(new StreamConfig(name, [$"{name}.>"]) { AllowDirect = true }, Ct);
        for (var i = 0; i < messages; i++)
            Assert.Null((await js.PublishAsync($"{name}.n", i, cancellationToken: Ct)).Error);
        return (stream, await stream.CreateOrUpdateConsumerAsync(new ConsumerConfig("worker"), Ct));
    }

    public static async Task<int> AckPendingAsync(INatsJSConsumer consumer)
    {
        await consumer.RefreshAsync(Ct);
        return consumer.Info.NumAckPending;
    }
}
