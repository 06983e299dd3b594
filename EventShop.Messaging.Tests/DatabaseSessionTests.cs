using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Npgsql;

namespace EventShop.Messaging.Tests;

/// <summary>How <c>AddDatabase</c> sets sessions up (ADR 10).</summary>
public sealed class DatabaseSessionTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Statements_are_planned_once_never_compiled_and_given_up_in_time()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);

        Assert.Equal("force_generic_plan", await service.ScalarAsync<string>("show plan_cache_mode"));
        Assert.Equal("off", await service.ScalarAsync<string>("show jit"));
        var settings = new NpgsqlConnectionStringBuilder(service.Db.ConnectionString);
        Assert.True(settings.NoResetOnClose);
        // A statement, and then the attempt to cancel it: DatabaseTests measures it.
        Assert.InRange(settings.CommandTimeout + settings.Timeout, 5, 9);
        Assert.Equal((32, 2), (settings.MaxAutoPrepare, settings.AutoPrepareMinUsages));
    }

    [Theory]
    [InlineData("Host=nowhere.invalid;Database=orders")]
    [InlineData("Host=nowhere.invalid,elsewhere.invalid;Database=orders")]
    [InlineData("Host=127.0.0.1;Port=1;Database=orders")]
    public async Task A_server_that_is_not_found_is_no_fault_of_what_was_asked(string connectionString)
    {
        await using var db = NpgsqlDataSource.Create($"{connectionString};Timeout=3");

        var nobody = await Assert.ThrowsAnyAsync<Exception>(() => db.OpenConnectionAsync(TestContext.Current.CancellationToken).AsTask());

        Assert.True(nobody.IsDatabaseUnavailable(), $"{nobody}");
        Assert.True(new InvalidOperationException("wrapped", nobody).IsDatabaseUnavailable());
        // The same of something else.
        Assert.False(new HttpRequestException("of a card processor", new System.Net.Sockets.SocketException()).IsDatabaseUnavailable());
        Assert.False(new TimeoutException("a handler's own").IsDatabaseUnavailable());
    }

    [Fact]
    public async Task What_the_connection_string_says_goes_first()
    {
        await using var nats = await NatsServer.StartAsync();
        var given = postgres.NewDatabase() + ";Options=-c jit=on;No Reset On Close=false;Command Timeout=3";
        await using var service = await TestService.StartAsync(nats, given, consumes: false);

        Assert.Equal("force_generic_plan", await service.ScalarAsync<string>("show plan_cache_mode"));
        Assert.Equal("on", await service.ScalarAsync<string>("show jit"));
        var settings = new NpgsqlConnectionStringBuilder(service.Db.ConnectionString);
        Assert.Equal((false, 3), (settings.NoResetOnClose, settings.CommandTimeout));
    }

    [Theory]
    [InlineData("Max Auto Prepare", "0")]
    [InlineData("Max Auto Prepare", "5")]
    [InlineData("Auto Prepare Min Usages", "7")]
    [InlineData("Command Timeout", "30")]
    [InlineData("Timeout", "15")]
    [InlineData("Cancellation Timeout", "500")]
    [InlineData("No Reset On Close", "False")]
    [InlineData("Maximum Pool Size", "100")]
    [InlineData("Minimum Pool Size", "50")]
    [InlineData("Application Name", "somebody")]
    [InlineData("GSS Encryption Mode", "Prefer")]
    [InlineData("Pooling", "False")]
    [InlineData("Host", "127.0.0.1:1,127.0.0.1:{port}")]
    public async Task A_setting_of_the_connection_string_is_obeyed(string keyword, string value)
    {
        await using var nats = await NatsServer.StartAsync();
        var given = new NpgsqlConnectionStringBuilder(postgres.NewDatabase());
        var wanted = value.Replace("{port}", $"{given.Port}", StringComparison.Ordinal);
        given[keyword] = wanted;
        await using var service = await TestService.StartAsync(nats, given.ConnectionString);
        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it works with it", () => service.Script.Handled(1) == 1);
        Assert.Equal(wanted, $"{new NpgsqlConnectionStringBuilder(service.Db.ConnectionString)[keyword]}");
    }

    [Theory]
    [InlineData("", "off")]
    [InlineData("Options=-c synchronous_commit=remote_apply", "remote_apply")]
    public async Task The_relays_own_sessions_obey_the_connection_string_too(string settings, string synchronousCommit)
    {
        await using var nats = await NatsServer.StartAsync();
        var connectionString = postgres.NewDatabase();
        await using var service = await TestService.StartAsync(nats, $"{connectionString};{settings}");
        // What the relay has sent it deletes.
        await postgres.ExecuteAsync("""
            create table seen (value text);
            create function look() returns trigger language plpgsql as
              $$ begin insert into seen values (current_setting('synchronous_commit')); return null; end $$;
            create trigger look after delete on outbox_unsent execute function look()
            """, new NpgsqlConnectionStringBuilder(connectionString).Database!);

        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it has sent it with that setting", async () =>
            await service.ScalarAsync<bool>($"select count(*) > 0 and every(value = '{synchronousCommit}') from seen where value <> 'on'"));
    }

    [Fact]
    public async Task Of_several_hosts_the_primary_is_used_unless_the_connection_string_says_otherwise()
    {
        await using var nats = await NatsServer.StartAsync();
        var given = new NpgsqlConnectionStringBuilder(postgres.NewDatabase());
        given.Host = $"127.0.0.1:1,127.0.0.1:{given.Port}";
        await using var service = await TestService.StartAsync(nats, given.ConnectionString, consumes: false);
        await using var other = await TestService.StartAsync(nats, given.ConnectionString + ";Target Session Attributes=any", consumes: false);

        Assert.Equal("primary", new NpgsqlConnectionStringBuilder(service.Db.ConnectionString).TargetSessionAttributes);
        Assert.Equal("any", new NpgsqlConnectionStringBuilder(other.Db.ConnectionString).TargetSessionAttributes);
    }

    [Theory]
    [InlineData("Minimum Pool Size=50;Maximum Pool Size=5", "Max Pool Size")]
    [InlineData("Target Session Attributes=primary", "Target Session Attributes")]
    [InlineData("Max Auto Prepare=many", "max auto prepare")]
    public async Task Settings_that_cannot_be_are_refused_at_the_start(string settings, string told)
    {
        await using var nats = await NatsServer.StartAsync();

        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => TestService.StartAsync(nats, $"{postgres.NewDatabase()};{settings}"));

        var failure = Assert.Single(refused.Failures);
        Assert.Contains("ConnectionStrings:pings", failure, StringComparison.Ordinal);
        Assert.Contains(told, failure, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_database_in_which_nothing_can_be_written_is_told()
    {
        await using var nats = await NatsServer.StartAsync();
        var connectionString = postgres.NewDatabase();
        await using var service = await TestService.StartAsync(nats, connectionString);
        var database = new NpgsqlConnectionStringBuilder(connectionString).Database!;
        await Eventually.True("all is well", async () => (await service.HealthAsync("database")).Status == HealthStatus.Healthy);

        await postgres.ExecuteAsync("alter table outbox_unsent rename to elsewhere", database);

        var health = await service.HealthAsync("database");
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.StartsWith("42P01", health.Description, StringComparison.Ordinal);
    }
}
