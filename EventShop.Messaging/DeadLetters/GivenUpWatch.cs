using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>
/// The safety net under the dead letters: a message whose handler kills its process on every attempt is never given up by this
/// code. The broker gives it up, and says so in an advisory with nothing but its sequence; that is kept in a stream, and read here.
/// </summary>
internal sealed class GivenUpWatch(
    ConsumerDefinition consumer, Topology topology, BrokerConnection broker, INatsJSContext jetStream, DeadLetters deadLetters,
    Supervisor supervisor, TimeProvider clock, ILogger<GivenUpWatch> log) : BackgroundService
{
    private const string Subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES";

    /// <summary>Advisories are not stored by themselves: whoever is not listening would miss them.</summary>
    public static readonly StreamDefinition Stream = new("ADVISORIES", $"{Subject}.>");

    /// <summary>An advisory comes again until its dead letter is stored, however long the broker has no room for it.</summary>
    private static readonly ConsumerOptions Options = new() { Workers = 8, MaxAttempts = 1_000_000 };

    private readonly ConsumerDefinition _advisories = AdvisoriesOf(consumer);
    private readonly Settlement _settlement = new(AdvisoriesOf(consumer).Name, Options, clock, log);

    /// <summary>The consumer of the advisories about another one.</summary>
    public static ConsumerDefinition AdvisoriesOf(ConsumerDefinition consumer) => new(
        $"{consumer.Name}-given-up", Stream.Name, $"{Subject}.{consumer.Stream}.{consumer.Name}", HandlerMap.None, Options);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        supervisor.RunAsync(_advisories.Name, WatchAsync, log, stoppingToken);

    private async Task WatchAsync(CancellationToken stopping)
    {
        try
        {
            await topology.ProvideConsumerAsync(_advisories, _ => { }, stopping);
            while (!stopping.IsCancellationRequested)
            {
                await broker.WaitUntilOpenAsync(stopping);
                await foreach (var delivery in jetStream.PullAsync(_advisories, Options.EffectivePrefetch, Options.PullExpiry, clock, stopping))
                    await KeepAsync(delivery, stopping);
            }
        }
        catch (NatsException) when (!broker.IsOpen)
        {
            // A lost connection is logged elsewhere.
        }
    }

    private async Task KeepAsync(Delivery delivery, CancellationToken stopping)
    {
        try
        {
            await StoreAsync(JsonSerializer.Deserialize(delivery.Message.Data, AdvisoryJson.Default.MaxDeliveries)!, stopping);
            await _settlement.AckAsync(delivery);
        }
        catch (NatsException e) when (broker.IsOpen)
        {
            log.SettlementFailed(_advisories.Name, e.Message);
            await _settlement.RetryAsync(delivery);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await _settlement.ReturnAsync(delivery);
        }
    }

    private async Task StoreAsync(MaxDeliveries advisory, CancellationToken cancellationToken)
    {
        var stream = await jetStream.GetStreamAsync(advisory.Stream, cancellationToken: cancellationToken);
        var message = await stream.GetDirectAsync<byte[]>(new StreamMsgGetRequest { Seq = advisory.StreamSeq }, cancellationToken: cancellationToken);
        if (CloudEvent.Header(message.Headers, "Nats-Subject") is not { } subject)
        {
            log.GivenUpMessageIsGone(consumer.Name, advisory.StreamSeq, advisory.Stream, advisory.Deliveries);
            return;
        }
        // Advisories come again after a change of leader: the dead letter's message id makes it one copy.
        await deadLetters.StoreAsync(
            consumer.Name, advisory.Stream, advisory.StreamSeq, subject, message.Headers, message.Data, advisory.Deliveries,
            new GivenUpException($"the broker gave up after {advisory.Deliveries} deliveries: handling it ends the process, or takes for ever"));
        MessagingTelemetry.DeadLettered.Add(1, new KeyValuePair<string, object?>(MessagingTelemetry.ConsumerName, consumer.Name));
        log.DeadLettered(consumer.Name, advisory.StreamSeq, advisory.Stream, advisory.Deliveries, "given up by the broker");
    }

    private sealed class GivenUpException(string message) : Exception(message);
}

/// <summary>The advisory <c>io.nats.jetstream.advisory.v1.max_deliver</c>.</summary>
internal sealed record MaxDeliveries(string Stream, string Consumer, ulong StreamSeq, int Deliveries);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(MaxDeliveries))]
internal sealed partial class AdvisoryJson : JsonSerializerContext;
