using EventShop.Tests.Servers;
using NATS.Client.Core;
using static EventShop.Tests.NatsClient.NatsTest;

namespace EventShop.Tests.NatsClient;

public sealed class AuthenticationTests
{
    private const string Users = """
        authorization {
          users: [
            { user: "shop", password: "p@ss:w/rd" }
            { user: "guest", password: "guest", permissions: { publish: ["_INBOX.>", "allowed"], subscribe: ["_INBOX.>", "allowed"] } }
          ]
        }
        """;

    [Fact(Timeout = Limit)]
    public async Task User_and_password_may_stand_in_the_url_or_in_the_options()
    {
        await using var server = await NatsServer.StartAsync(Users);
        await using var byUrl = Connect(server.UrlFor("shop", "p@ss:w/rd"));
        await byUrl.ConnectAsync();

        await using var byOptions = Connect(
            server.UrlFor("shop", "wrong"), opts => opts with { AuthOpts = new NatsAuthOpts { Username = "shop", Password = "p@ss:w/rd" } });
        await byOptions.ConnectAsync();

        var current = new NatsAuthOpts { AuthCredCallback = (_, _) => new(NatsAuthCred.FromUserInfo("shop", "p@ss:w/rd")) };
        await using var byCallback = Connect(server.Url, opts => opts with { AuthOpts = current });
        await byCallback.ConnectAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_token_may_stand_in_the_url_or_in_the_options()
    {
        await using var server = await NatsServer.StartAsync("authorization { token: \"s3cr3t/+\" }");
        await using var byUrl = Connect($"nats://{Uri.EscapeDataString("s3cr3t/+")}@127.0.0.1:{server.Port}");
        await byUrl.ConnectAsync();

        await using var byOptions = Connect(server.Url, opts => opts with { AuthOpts = new NatsAuthOpts { Token = "s3cr3t/+" } });
        await byOptions.ConnectAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_wrong_password_is_a_clear_error_that_does_not_show_it()
    {
        await using var server = await NatsServer.StartAsync(Users);
        await using var connection = Connect(server.UrlFor("shop", "guessed"));

        var refused = await Assert.ThrowsAsync<NatsException>(async () => await connection.ConnectAsync());

        Assert.True(Assert.IsType<NatsServerException>(refused.InnerException).IsAuthError);
        Assert.DoesNotContain("guessed", refused.ToString());
        Assert.Equal(NatsConnectionState.Closed, connection.ConnectionState);
    }

    [Fact(Timeout = Limit)]
    public async Task A_missing_permission_is_reported_as_an_event_and_the_connection_stays()
    {
        await using var server = await NatsServer.StartAsync(Users);
        await using var connection = Connect(server.UrlFor("guest", "guest"));
        var errors = new TaskCompletionSource<NatsServerErrorEventArgs>();
        connection.ServerError += (_, args) =>
        {
            errors.TrySetResult(args);
            return default;
        };
        await using var sub = await connection.SubscribeCoreAsync<int>("allowed", cancellationToken: Ct);

        await connection.PublishAsync("forbidden", 1, cancellationToken: Ct);
        await connection.PublishAsync("allowed", 2, cancellationToken: Ct);

        var error = await errors.Task.WaitAsync(Ct);
        Assert.Equal(NatsServerErrorKind.PermissionsViolation, error.Kind);
        Assert.Contains("forbidden", error.Error);
        Assert.Equal(2, (await sub.Msgs.ReadAsync(Ct)).Data);
    }

    [Theory(Timeout = Limit)]
    [InlineData(false, NatsConnectionState.Failed)]
    [InlineData(true, NatsConnectionState.Open)]
    public async Task The_same_refusal_twice_ends_the_attempts_unless_told_to_go_on(bool ignore, NatsConnectionState expected)
    {
        await using var server = await NatsServer.StartAsync(Users);
        await using var connection = Connect(
            server.UrlFor("shop", "p@ss:w/rd"), opts => opts with { IgnoreAuthErrorAbort = ignore });
        var refusals = 0;
        connection.ReconnectFailed += (_, _) =>
        {
            // Refusals name the server; a server that is down is no refusal.
            if (server.IsRunning)
            {
                Interlocked.Increment(ref refusals);
            }

            return default;
        };
        await connection.ConnectAsync();

        server.Config = Users.Replace("p@ss:w/rd", "rotated", StringComparison.Ordinal);
        await server.RestartAsync();
        await Eventually.True(
            "the new password has been refused several times, or once too often",
            () => refusals >= 4 || connection.ConnectionState == NatsConnectionState.Failed);
        server.Config = Users;
        await server.RestartAsync();

        await Eventually.True($"the connection is {expected}", () => connection.ConnectionState == expected);
    }
}
