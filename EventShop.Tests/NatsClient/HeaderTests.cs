using NATS.Client.Core;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class HeaderTests(SharedNats nats) : IClassFixture<SharedNats>
{
    [Fact(Timeout = Limit)]
    public async Task Headers_arrive_with_all_their_values_and_names_regardless_of_case()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var sub = await connection.SubscribeCoreAsync<string>(Unique("headers."), cancellationToken: Ct);
        var headers = new NatsHeaders { ["ce-id"] = "42", ["list"] = new string[] { "a", "b: c" }, ["empty"] = "" };

        await connection.PublishAsync(sub.Subject, "body", headers, cancellationToken: Ct);

        var received = (await sub.Msgs.ReadAsync(Ct)).Headers!;
        Assert.Equal("42", received["CE-ID"]);
        Assert.Equal("a|b: c", string.Join('|', received["list"].AsEnumerable()));
        Assert.Equal("", received["empty"]);
        Assert.True(received.TryGetLastValue("list", out var last));
        Assert.Equal("b: c", last);
        Assert.False(received.TryGetValue("other", out _));
        Assert.Equal(3, received.Count);
    }

    [Fact(Timeout = Limit)]
    public async Task A_message_may_consist_of_headers_only()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var sub = await connection.SubscribeCoreAsync<string>(Unique("bare."), cancellationToken: Ct);

        await connection.PublishAsync(sub.Subject, headers: new NatsHeaders { ["a"] = "b" }, cancellationToken: Ct);

        var msg = await sub.Msgs.ReadAsync(Ct);
        Assert.Null(msg.Data);
        Assert.Equal("b", msg.Headers!["a"]);
    }

    [Fact(Timeout = Limit)]
    public async Task Published_and_received_headers_are_read_only()
    {
        await using var connection = Connect(nats.Server.Url);
        await using var sub = await connection.SubscribeCoreAsync<string>(Unique("sealed."), cancellationToken: Ct);
        var headers = new NatsHeaders { ["a"] = "b" };

        await connection.PublishAsync(sub.Subject, "body", headers, cancellationToken: Ct);

        Assert.Throws<InvalidOperationException>(() => headers["a"] = "c");
        var received = await sub.Msgs.ReadAsync(Ct);
        Assert.Throws<InvalidOperationException>(() => received.Headers!["a"] = "c");
    }

    [Theory(Timeout = Limit)]
    [InlineData("two words", "value")]
    [InlineData("colon:", "value")]
    [InlineData("line\n", "value")]
    [InlineData("name", "line\r\nInjected: header")]
    public async Task A_header_that_would_break_the_format_is_refused(string name, string value)
    {
        await using var connection = Connect(nats.Server.Url);
        await Assert.ThrowsAsync<NatsException>(
            async () => await connection.PublishAsync("any", "body", new NatsHeaders { [name] = value }, cancellationToken: Ct));
        Assert.True(await connection.PingAsync(Ct) > TimeSpan.Zero);
    }
}
