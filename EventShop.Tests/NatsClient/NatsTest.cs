using EventShop.Tests.Servers;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Tests.NatsClient;

/// <summary>One nats-server for all tests of a class.</summary>
public sealed class SharedNats : IAsyncLifetime
{
    public NatsServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await NatsServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}

/// <summary>What the tests of the NATS client share.</summary>
internal static class NatsTest
{
    /// <summary>No test waits longer than this, in milliseconds.</summary>
    public const int Limit = 60_000;

    public static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>A connection that reconnects quickly.</summary>
    public static NatsConnection Connect(string url, Func<NatsOpts, NatsOpts>? with = null)
    {
        var opts = new NatsOpts
        {
            Url = url,
            NoRandomize = true,
            ReconnectWaitMin = TimeSpan.FromMilliseconds(50),
            ReconnectWaitMax = TimeSpan.FromMilliseconds(200),
            ReconnectJitter = TimeSpan.FromMilliseconds(10),
        };
        return new NatsConnection(with?.Invoke(opts) ?? opts);
    }

    public static string Unique(string prefix) => $"{prefix}{Guid.NewGuid():N}";

    /// <summary>A stream of its own for the subjects below its name.</summary>
    public static async Task<INatsJSStream> CreateStreamAsync(INatsJSContext js, Func<StreamConfig, StreamConfig>? with = null)
    {
        var name = Unique("S");
        var config = new StreamConfig(name, [$"{name}.>"]);
        return await js.CreateStreamAsync(with?.Invoke(config) ?? config, Ct);
    }

    public static async Task PublishAsync(INatsJSContext js, INatsJSStream stream, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var ack = await js.PublishAsync($"{stream.Info.Config.Name}.n", i, cancellationToken: Ct);
            Assert.Null(ack.Error);
        }
    }

    public static async Task<int> AckPendingAsync(INatsJSConsumer consumer)
    {
        await consumer.RefreshAsync(Ct);
        return consumer.Info.NumAckPending;
    }
}
