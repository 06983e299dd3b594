using EventShop.Tests.Servers;
using NATS.Client.Core;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class ReconnectTests
{
    [Fact(Timeout = Limit)]
    public async Task A_subscription_survives_a_killed_server()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        var lost = 0;
        var opened = 0;
        connection.ConnectionDisconnected += (_, _) => Count(ref lost);
        connection.ConnectionOpened += (_, _) => Count(ref opened);
        await using var sub = await connection.SubscribeCoreAsync<int>("survivor", cancellationToken: Ct);

        server.Kill();
        await Eventually.True(
            "the loss is noticed", () => connection.ConnectionState == NatsConnectionState.Reconnecting && lost == 1);
        await server.RestartAsync();
        await connection.PublishAsync("survivor", 1, cancellationToken: Ct);

        Assert.Equal(1, (await sub.Msgs.ReadAsync(Ct)).Data);
        await Eventually.True("both connections were reported", () => opened == 2);
        Assert.Equal(NatsConnectionState.Open, connection.ConnectionState);
    }

    [Fact(Timeout = Limit)]
    public async Task A_publish_while_disconnected_waits_and_is_sent()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        await using var sub = await connection.SubscribeCoreAsync<int>("patient", cancellationToken: Ct);
        server.Kill();
        await Eventually.True("the loss is noticed", () => connection.ConnectionState == NatsConnectionState.Reconnecting);

        var publishes = Enumerable.Range(0, 100).Select(
            i => connection.PublishAsync("patient", i, cancellationToken: Ct).AsTask()).ToList();
        Assert.DoesNotContain(publishes, publish => publish.IsCompleted);
        await server.RestartAsync();
        await Task.WhenAll(publishes);

        var seen = new List<int>();
        while (seen.Count < 100)
        {
            seen.Add((await sub.Msgs.ReadAsync(Ct)).Data);
        }

        Assert.Equal(Enumerable.Range(0, 100), seen.Order());
    }

    [Fact(Timeout = Limit)]
    public async Task A_publish_while_disconnected_can_be_limited_in_time()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(
            server.Url, opts => opts with { PublishTimeoutOnDisconnected = true, CommandTimeout = TimeSpan.FromMilliseconds(100) });
        await connection.ConnectAsync();
        server.Kill();
        await Eventually.True("the loss is noticed", () => connection.ConnectionState == NatsConnectionState.Reconnecting);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await connection.PublishAsync("late", 1, cancellationToken: Ct));
    }

    [Fact(Timeout = Limit)]
    public async Task The_next_server_of_the_list_takes_over()
    {
        await using var first = await NatsServer.StartAsync();
        await using var second = await NatsServer.StartAsync();
        await using var connection = Connect($"{first.Url},{second.Url}");
        await using var sub = await connection.SubscribeCoreAsync<int>("wanderer", cancellationToken: Ct);
        Assert.Equal(first.Port, connection.ServerInfo!.Port);

        first.Kill();

        await Eventually.True(
            "the second server is used",
            () => connection.ConnectionState == NatsConnectionState.Open && connection.ServerInfo!.Port == second.Port);
        await connection.PublishAsync("wanderer", 1, cancellationToken: Ct);
        Assert.Equal(1, (await sub.Msgs.ReadAsync(Ct)).Data);
    }

    [Fact(Timeout = Limit)]
    public async Task The_first_connection_can_wait_for_the_server()
    {
        await using var server = await NatsServer.StartAsync();
        server.Kill();
        await using var patient = Connect(server.Url, opts => opts with { RetryOnInitialConnect = true });
        await using var impatient = Connect(server.Url);

        await Assert.ThrowsAsync<NatsException>(async () => await impatient.ConnectAsync());
        Assert.Equal(NatsConnectionState.Closed, impatient.ConnectionState);
        var connecting = patient.ConnectAsync().AsTask();
        await server.RestartAsync();
        await connecting;

        Assert.Equal(NatsConnectionState.Open, patient.ConnectionState);
        await impatient.ConnectAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task After_too_many_attempts_the_connection_fails_for_good()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url, opts => opts with { MaxReconnectRetry = 1 });
        var failed = 0;
        connection.ReconnectFailed += (_, _) => Count(ref failed);
        await connection.ConnectAsync();

        server.Kill();

        await Eventually.True("the connection has given up", () => connection.ConnectionState == NatsConnectionState.Failed);
        await Eventually.True("failed attempts were reported", () => failed >= 2);
        await Assert.ThrowsAsync<NatsConnectionFailedException>(async () => await connection.PingAsync(Ct));
    }

    [Fact(Timeout = Limit)]
    public async Task A_frozen_server_is_noticed_by_its_missing_pongs()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(
            server.Url,
            opts => opts with { PingInterval = TimeSpan.FromMilliseconds(100), MaxPingOut = 2, ConnectTimeout = TimeSpan.FromMilliseconds(300) });
        await connection.ConnectAsync();

        server.Pause();
        await Eventually.True(
            "the frozen server is given up", () => connection.ConnectionState == NatsConnectionState.Reconnecting);
        server.Resume();

        await Eventually.True("the server is used again", () => connection.ConnectionState == NatsConnectionState.Open);
        Assert.True(await connection.PingAsync(Ct) > TimeSpan.Zero);
    }

    [Fact(Timeout = Limit)]
    public async Task A_reconnect_can_be_asked_for()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        await using var sub = await connection.SubscribeCoreAsync<int>("again", cancellationToken: Ct);
        var before = connection.ServerInfo!.ClientId;

        await connection.ReconnectAsync();

        await Eventually.True(
            "the server sees a new client",
            () => connection.ConnectionState == NatsConnectionState.Open && connection.ServerInfo!.ClientId != before);
        await connection.PublishAsync("again", 1, cancellationToken: Ct);
        Assert.Equal(1, (await sub.Msgs.ReadAsync(Ct)).Data);
    }

    [Fact(Timeout = Limit)]
    public async Task A_server_announces_that_it_is_about_to_go()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = Connect(server.Url);
        var announced = new TaskCompletionSource<Uri>();
        connection.LameDuckModeActivated += (_, args) =>
        {
            announced.TrySetResult(args.Uri);
            return default;
        };
        await connection.ConnectAsync();

        server.AnnounceShutdown();

        Assert.Equal(server.Port, (await announced.Task.WaitAsync(Ct)).Port);
    }

    private static ValueTask Count(ref int counter)
    {
        Interlocked.Increment(ref counter);
        return default;
    }
}
