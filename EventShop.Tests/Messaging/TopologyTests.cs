using EventShop.Messaging;
using EventShop.Tests.Servers;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Tests.Messaging;

/// <summary>Streams and consumers are as the code says, or the service says what differs.</summary>
public sealed class TopologyTests(PostgresServer postgres)
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("orders.created", "orders.created", true)]
    [InlineData("orders.created", "orders.paid", false)]
    [InlineData("orders.created", "orders", false)]
    [InlineData("orders", "orders.created", false)]
    [InlineData("orders.*", "orders.created", true)]
    [InlineData("orders.*", "orders.created.late", false)]
    [InlineData("orders.>", "orders.created.late", true)]
    [InlineData("orders.>", "orders", false)]
    [InlineData("*.created", "orders.created", true)]
    public void A_stream_captures_what_its_subjects_cover(string pattern, string subject, bool captures) =>
        Assert.Equal(captures, new StreamDefinition("ORDERS", "others", pattern).Captures(subject));

    [Fact]
    public async Task A_stream_and_a_consumer_that_differ_are_brought_to_their_definition_and_the_rest_is_left_alone()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(
            new StreamConfig("PINGS", ["pings.sent"]) { MaxAge = TimeSpan.FromHours(1), MaxBytes = 1_000_000, Description = "an operator's" }, Cancelled);
        await jetStream.CreateConsumerAsync(
            "PINGS", new ConsumerConfig(TestService.Consumer) { AckWait = TimeSpan.FromSeconds(99), MaxDeliver = 3, FilterSubject = "pings.>" }, Cancelled);

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());
        await service.StoreAsync(Ping.Event(1));

        await Eventually.True("it consumes", () => service.Script.Handled(1) == 1);
        var stream = (await jetStream.GetStreamAsync("PINGS", cancellationToken: Cancelled)).Info.Config;
        Assert.Equal(["pings.>"], stream.Subjects);
        Assert.Equal((TimeSpan.FromDays(7), 1_000_000L, "an operator's"), (stream.MaxAge, stream.MaxBytes, stream.Description));
        var consumer = (await service.ConsumerAsync())!.Config;
        Assert.Equal(TimeSpan.FromSeconds(10), consumer.AckWait);
        Assert.True(consumer.MaxDeliver > 3);
    }

    [Fact]
    public async Task A_changed_filter_is_applied_or_the_service_says_that_this_broker_does_not()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        var jetStream = new NatsJSContext(connection);
        await jetStream.CreateStreamAsync(new StreamConfig("PINGS", ["pings.>"]), Cancelled);
        await jetStream.CreateConsumerAsync("PINGS", new ConsumerConfig(TestService.Consumer) { FilterSubject = "pings.other" }, Cancelled);

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());
        await service.StoreAsync(Ping.Event(1));

        if (connection.ServerInfo!.Version.StartsWith("2.9.", StringComparison.Ordinal))
            await Eventually.True("it says so", async () =>
                (await service.HealthAsync("consumers")).Description?.Contains("filter_subject pings.other → pings.>", StringComparison.Ordinal) == true);
        else
            await Eventually.True("it consumes", () => service.Script.Handled(1) == 1);
    }

    [Fact]
    public async Task A_stream_that_differs_in_what_the_broker_does_not_change_leaves_the_service_unready_and_saying_why()
    {
        await using var nats = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOpts { Url = nats.Url });
        await new NatsJSContext(connection).CreateStreamAsync(
            new StreamConfig("PINGS", ["pings.>"]) { Storage = StreamConfigStorage.Memory }, Cancelled);

        await using var service = await TestService.StartAsync(nats, postgres.NewDatabase());

        await Eventually.True("it says which stream", async () =>
            (await service.HealthAsync("nats")).Description?.Contains("stream PINGS", StringComparison.Ordinal) == true);
        var health = await service.HealthAsync("nats");
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.Contains("storage Memory → File", health.Description, StringComparison.Ordinal);
    }
}
