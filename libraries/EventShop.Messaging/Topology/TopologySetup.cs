using EventShop.Hosting;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>Makes the streams and consumers of this service, waiting for the streams that others make.</summary>
internal sealed class TopologySetup(
    Topology topology, IEnumerable<ConsumerDefinition> consumers, INatsConnection connection, MessagingOptions options, TimeProvider clock) : ISetup
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // What the running service may not do is done here.
        options.Provision = true;
        var started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await topology.ProvisionAsync(consumers, cancellationToken);
                return;
            }
            catch (NatsException) when (clock.GetElapsedTime(started) < options.SetupTimeout)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), clock, cancellationToken);
            }
            catch (NatsException e)
            {
                throw new StartupException(
                    $"NATS at {BrokerUrl.WithoutCredentials(connection.Opts.Url)}: {e.Message}. Start nats-server with JetStream there, or set ConnectionStrings__nats", e);
            }
        }
    }
}
