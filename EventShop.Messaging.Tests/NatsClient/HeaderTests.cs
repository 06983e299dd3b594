using NATS.Client.Core;
using static EventShop.Messaging.Tests.NatsClient.NatsTest;

namespace EventShop.Messaging.Tests.NatsClient;

/// <summary>What CloudEvent.cs and DeadLetters/DeadLetter.cs rely on in headers.</summary>
public sealed class HeaderTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task Headers_arrive_with_their_values_and_are_found_whatever_their_case()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var subscription = await connection.SubscribeCoreAsync<byte[]>("headers", cancellationToken: Ct);

        await connection.PublishAsync(
            "headers", Array.Empty<byte>(), new NatsHeaders { ["ce-id"] = "42", ["list"] = new[] { "a", "b: c" }, ["empty"] = "" }, cancellationToken: Ct);

        var message = await subscription.Msgs.ReadAsync(Ct);
        Assert.Equal("42", message.Headers!["CE-ID"]);
        Assert.True(message.Headers.TryGetLastValue("list", out var last));
        Assert.Equal("b: c", last);
        Assert.Equal("", message.Headers["empty"]);
        Assert.False(message.Headers.TryGetLastValue("other", out _));
        Assert.Equal(3, message.Headers.Count);
    }
}
