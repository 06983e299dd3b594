using EventShop.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>Asks the broker what it still has for each consumer of this service. Every replica tells the same.</summary>
internal sealed class ConsumerWatch(
    IEnumerable<ConsumerDefinition> consumers, BrokerConnection broker, INatsJSContext jetStream, Supervisor supervisor,
    ILogger<ConsumerWatch> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // From zero on: a counter that begins at one has not increased, for whoever watches its increase.
        foreach (var definition in consumers)
        {
            MessagingTelemetry.DeadLettered.Add(0, Label(definition));
            MessagingTelemetry.Retried.Add(0, Label(definition));
        }
        return supervisor.EveryAsync("consumer watch", Interval, ReadAllAsync, log, stoppingToken);
    }

    private async Task ReadAllAsync(CancellationToken cancellationToken)
    {
        foreach (var definition in consumers)
            // Skip while disconnected: that is logged elsewhere. A consumer that is not there yet is reported by the health check.
            if (broker.IsOpen)
                await ReadAsync(definition, cancellationToken);
    }

    private async Task ReadAsync(ConsumerDefinition definition, CancellationToken cancellationToken)
    {
        try
        {
            var info = (await jetStream.GetConsumerAsync(definition.Stream, definition.Name, cancellationToken)).Info;
            MessagingTelemetry.ConsumerLag.Record((long)info.NumPending, Label(definition));
            MessagingTelemetry.ConsumerAckPending.Record(info.NumAckPending, Label(definition));
        }
        catch (NatsException e)
        {
            log.ConsumerNotRead(definition.Name, e.Message);
        }
    }

    private static KeyValuePair<string, object?> Label(ConsumerDefinition definition) => new(MessagingTelemetry.ConsumerName, definition.Name);
}
