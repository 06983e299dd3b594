using EventShop.Tests.Servers;
using Npgsql;

namespace EventShop.Tests.Messaging;

/// <summary>How <c>AddDatabase</c> sets sessions up (ADR 10).</summary>
public sealed class DatabaseSessionTests(PostgresServer postgres)
{
    [Fact]
    public async Task Statements_are_planned_once_never_compiled_and_given_up_after_ten_seconds()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase(), consumes: false);

        Assert.Equal("force_generic_plan", await service.ScalarAsync<string>("show plan_cache_mode"));
        Assert.Equal("off", await service.ScalarAsync<string>("show jit"));
        var settings = new NpgsqlConnectionStringBuilder(service.Db.ConnectionString);
        Assert.Equal((true, 10), (settings.NoResetOnClose, settings.CommandTimeout));
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
}
