using System.Buffers;
using System.Text.Json.Serialization;
using NATS.Client.Core;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed partial class SerializationTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task Data_is_read_as_the_type_asked_for()
    {
        await using var connection = Connect(nats.Server.Url);
        Assert.Equal("grüße", await EchoAsync(connection, "grüße"));
        Assert.Equal(-17L, await EchoAsync(connection, -17L));
        Assert.Equal(1.5m, await EchoAsync(connection, 1.5m));
        Assert.True(await EchoAsync(connection, true));
        var id = Guid.NewGuid();
        Assert.Equal(id, await EchoAsync(connection, id));
        Assert.Equal(new byte[] { 1, 2 }, (await EchoAsync(connection, new ReadOnlyMemory<byte>([1, 2]))).ToArray());
        Assert.Equal(
            new byte[] { 1, 2 }, (await EchoAsync(connection, new ReadOnlySequence<byte>(new byte[] { 1, 2 }))).ToArray());

        var owner = NatsMemoryOwner<byte>.Allocate(2);
        owner.Span[1] = 7;
        using var echoed = await EchoAsync(connection, owner);
        Assert.Equal(2, echoed.Length);
        Assert.Equal(7, echoed.Span[1]);
    }

    [Fact(Timeout = Limit)]
    public async Task Json_is_written_by_reflection_or_by_generated_code()
    {
        var order = new Order("A-1", 3);
        await using var reflecting = new NATS.Net.NatsClient(nats.Server.Url);
        Assert.Equal(order, await EchoAsync(reflecting.Connection, order));
        Assert.Equal("""{"Id":"A-1","Quantity":3}""", await EchoAsAsync<Order, string>(reflecting.Connection, order));

        await using var generated = Connect(
            nats.Server.Url, opts => opts with { SerializerRegistry = new NatsJsonContextSerializerRegistry(OrderJson.Default) });
        Assert.Equal(order, await EchoAsync(generated, order));
    }

    [Fact(Timeout = Limit)]
    public async Task Data_that_cannot_be_read_is_an_error_of_the_message_only()
    {
        await using var client = new NATS.Net.NatsClient(nats.Server.Url);
        await using var sub = await client.Connection.SubscribeCoreAsync<Order>(Unique("odd."), cancellationToken: Ct);
        await client.PublishAsync(sub.Subject, "no json", cancellationToken: Ct);
        await client.PublishAsync(sub.Subject, new Order("A-2", 1), cancellationToken: Ct);

        var bad = await sub.Msgs.ReadAsync(Ct);
        Assert.IsType<NatsDeserializeException>(bad.Error);
        Assert.Throws<NatsDeserializeException>(() => bad.EnsureSuccess());
        Assert.Equal("A-2", (await sub.Msgs.ReadAsync(Ct)).Data?.Id);
    }

    private static Task<T> EchoAsync<T>(INatsConnection connection, T data) => EchoAsAsync<T, T>(connection, data);

    private static async Task<TOut> EchoAsAsync<TIn, TOut>(INatsConnection connection, TIn data)
    {
        await using var sub = await connection.SubscribeCoreAsync<TOut>(Unique("echo."), cancellationToken: Ct);
        await connection.PublishAsync(sub.Subject, data, cancellationToken: Ct);
        var msg = await sub.Msgs.ReadAsync(Ct);
        msg.EnsureSuccess();
        return msg.Data!;
    }

    private sealed record Order(string Id, int Quantity);

    [JsonSerializable(typeof(Order))]
    private sealed partial class OrderJson : JsonSerializerContext;
}
