using System.Diagnostics;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Text;
using EventShop.Messaging.Testing;
using EventShop.Tests.Chaos;
using Npgsql;

namespace EventShop.Tests.Shop;

/// <summary>SIGTERM ends a service within five seconds, orderly, whatever its clients do and whatever it depends on is away.</summary>
public sealed class StopTests(SharedPostgres postgres)
{
    /// <summary>Twice what a stop may take: the machine may be busy.</summary>
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    /// <summary>Pulls that wait for half a minute: a stop that waited for one to end would be noticed.</summary>
    private static readonly Dictionary<string, string?> LongPulls = new()
    {
        ["Messaging__Consumers__order-payments__PullExpiry"] = "00:00:30",
        ["Messaging__Consumers__payment-orders__PullExpiry"] = "00:00:30",
        ["Messaging__Consumers__payment-cancellations__PullExpiry"] = "00:00:30",
        ["Messaging__Consumers__payment-refunds__PullExpiry"] = "00:00:30",
    };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_nothing_to_do()
    {
        await using var shop = await StartAsync();

        await Task.WhenAll(StopAsync(shop.OrderService, consumers: 1), StopAsync(shop.PaymentService, consumers: 3), StopAsync(shop.Gateway));
    }

    [Fact]
    public async Task With_an_open_event_stream_whose_client_is_told_to_connect_again()
    {
        await using var shop = await StartAsync();
        await shop.PaymentService.Kill();
        var id = await shop.PlaceAsync();
        using var stream = await shop.OrderService.Client.GetAsync(
            $"/orders/{id}/events", HttpCompletionOption.ResponseHeadersRead, Cancelled);
        await using var events = SseParser.Create(await stream.Content.ReadAsStreamAsync(Cancelled)).EnumerateAsync(Cancelled).GetAsyncEnumerator(Cancelled);
        Assert.True(await events.MoveNextAsync());
        Assert.Equal("created", events.Current.EventType);

        await StopAsync(shop.OrderService, consumers: 1);

        Assert.True(await events.MoveNextAsync());
        Assert.Equal(("reconnect", true), (events.Current.EventType, events.Current.ReconnectionInterval > TimeSpan.Zero));
        Assert.Null(events.Current.EventId);
        Assert.False(await events.MoveNextAsync());
    }

    [Theory]
    [InlineData("POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"customerId\"")]
    [InlineData("POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cus\r\n")]
    [InlineData("POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Ty")]
    public async Task With_a_request_that_never_ends(string begun)
    {
        await using var shop = await StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", shop.OrderService.BaseAddress.Port, Cancelled);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(begun), Cancelled);
        // What was written before it has been read by now.
        await shop.PlaceAsync();

        await StopAsync(shop.OrderService, consumers: 1);
    }

    [Fact]
    public async Task With_the_broker_gone()
    {
        await using var shop = await StartAsync();
        shop.Nats.Kill();
        await Task.WhenAll(LostTheBrokerAsync(shop.OrderService), LostTheBrokerAsync(shop.PaymentService));
        await shop.PlaceAsync();

        await Task.WhenAll(StopAsync(shop.OrderService, consumers: 1), StopAsync(shop.PaymentService, consumers: 3));
    }

    [Fact]
    public async Task With_a_broker_that_does_not_answer()
    {
        await using var shop = await StartAsync();
        shop.Nats.Pause();
        for (var order = 0; order < 20; order++)
            await shop.PlaceAsync();

        await Task.WhenAll(StopAsync(shop.OrderService, consumers: 1), StopAsync(shop.PaymentService, consumers: 3));
    }

    [Fact]
    public async Task With_a_broker_that_was_never_there()
    {
        await using var service = await ServiceProcess.Start("services/OrderService", new Dictionary<string, string?>
        {
            ["ConnectionStrings__nats"] = "nats://127.0.0.1:1",
            ["ConnectionStrings__orders"] = postgres.NewDatabase(),
        });
        await Eventually.True("it says what it lacks", () => service.Output.Contains("Not connected to NATS", StringComparison.Ordinal));
        // A consumer that has not begun has nothing to end.
        await Eventually.True("its consumer waits for the broker", async () =>
        {
            using var health = await service.Client.GetAsync("/health", TestContext.Current.CancellationToken);
            return !(await health.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Contains("not started", StringComparison.Ordinal);
        });

        await StopAsync(service, consumers: 1);
    }

    [Fact]
    public async Task With_the_database_gone()
    {
        await using var network = new TcpProxy(() => postgres.Port);
        await using var shop = await StartAsync(network);
        network.IsDown = true;
        network.ResetAll();

        await Task.WhenAll(StopAsync(shop.OrderService, consumers: 1), StopAsync(shop.PaymentService, consumers: 3));
    }

    [Fact]
    public async Task With_a_database_that_does_not_answer_while_orders_come_in()
    {
        await using var network = new TcpProxy(() => postgres.Port);
        await using var shop = await StartAsync(network);
        await using var load = new Load(() => shop.OrderService.BaseAddress, ChaosRun.Seed, customers: 8);
        await load.MoreAsync(20);
        network.GoSilent();
        await load.MoreFailuresAsync(8);

        await Task.WhenAll(StopAsync(shop.OrderService, consumers: 1), StopAsync(shop.PaymentService, consumers: 3));
    }

    [Fact]
    public async Task With_a_gateway_that_does_not_answer()
    {
        await using var shop = await StartAsync();
        await shop.ChaosAsync(new { hangRate = 1 });
        for (var order = 0; order < 5; order++)
            await shop.PlaceAsync();

        await StopAsync(shop.PaymentService, consumers: 3);
    }

    [Fact]
    public async Task While_orders_come_in_which_are_all_settled_by_the_next_one()
    {
        await using var shop = await StartAsync();
        await shop.ChaosAsync(new { latencyMs = 300 });
        await using (var load = new Load(() => shop.OrderService.BaseAddress, ChaosRun.Seed, customers: 8))
        {
            await load.MoreAsync(50);
            await StopAsync(shop.PaymentService, consumers: 3);
            await load.MoreAsync(20);
            await StopAsync(shop.OrderService, consumers: 1);
        }

        await shop.ChaosAsync(new { latencyMs = 0 });
        await Task.WhenAll(shop.StartOrderServiceAsync(), shop.StartPaymentServiceAsync());
        await shop.AllSettledAsync(TimeSpan.FromSeconds(60));
        await shop.AssertIdleAsync();
        Assert.All((await shop.CapturesAsync()).Values, captures => Assert.Equal(1, captures));
    }

    private async Task<RunningShop> StartAsync(TcpProxy? database = null)
    {
        var settings = new Dictionary<string, string?>(LongPulls);
        if (database is not null)
            foreach (var name in new[] { "orders", "payments" })
                settings[$"ConnectionStrings__{name}"] = new NpgsqlConnectionStringBuilder(postgres.NewDatabase(name)) { Port = database.Port }.ConnectionString;
        return await RunningShop.StartAsync(postgres, await NatsServer.StartAsync(), settings);
    }

    private static Task LostTheBrokerAsync(ServiceProcess service) =>
        Eventually.True("the broker is lost", () => service.Output.Contains("Lost the connection to NATS", StringComparison.Ordinal));

    private static async Task StopAsync(ServiceProcess service, int consumers = 0)
    {
        var started = Stopwatch.GetTimestamp();
        var exitCode = await service.Terminate();
        var took = Stopwatch.GetElapsedTime(started);

        var output = service.Output;
        TestContext.Current.TestOutputHelper?.WriteLine($"stopped after {took.TotalSeconds:0.00} s");
        Assert.True(exitCode == 0, $"ended with {exitCode}:\n{output}");
        Assert.True(took < Bound, $"it took {took} to stop:\n{output}");
        Assert.DoesNotContain(" crit: ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("nhandled exception", output, StringComparison.Ordinal);
        Assert.Equal(consumers, output.Split('\n').Count(line => line.Contains(" drained: ", StringComparison.Ordinal)));
    }
}
