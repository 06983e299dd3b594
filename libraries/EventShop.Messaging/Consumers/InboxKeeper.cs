using EventShop.Hosting;
using EventShop.Postgres;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>
/// Prunes the inbox of events that nothing can bring back: neither their stream, nor a dead letter that is redriven at the end of its time and then
/// lies in the stream again. How long these keep is asked of the broker: another service, or an operator, may have set it.
/// </summary>
internal sealed class InboxKeeper(
    NpgsqlDataSource db, INatsConnection connection, INatsJSContext jetStream, IEnumerable<ConsumerDefinition> consumers, InboxOptions options, MessagingOptions messaging, DeadLetters deadLetters,
    Supervisor supervisor, TimeProvider clock, ILogger<InboxKeeper> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan WhileBrokerIsAway = TimeSpan.FromSeconds(5);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        supervisor.RunAsync("inbox pruning", KeepAsync, log, stoppingToken);

    private async Task KeepAsync(CancellationToken cancellationToken)
    {
        while (true)
            await Task.Delay(await PruneAsync(cancellationToken) ? Interval : WhileBrokerIsAway, clock, cancellationToken);
    }

    /// <returns>False when the broker could not be asked.</returns>
    private async Task<bool> PruneAsync(CancellationToken cancellationToken)
    {
        if (connection.ConnectionState is not NatsConnectionState.Open)
            return false;
        TimeSpan? longest;
        try
        {
            longest = await LongestWayBackAsync(cancellationToken);
        }
        catch (NatsException e)
        {
            log.InboxNotPruned(e.Message);
            return false;
        }
        if (longest is not { } wayBack)
            return true;

        var horizon = clock.GetUtcNow() - (options.Retention > wayBack ? options.Retention.Value : wayBack);
        var removed = await Pruning.RunAsync(
            db,
            $"""
            delete from {messaging.Tables}inbox where ctid = any(array(
              select ctid from {messaging.Tables}inbox where applied_at < @horizon order by applied_at limit @batch for update skip locked))
            """,
            command => command.AddValue("horizon", horizon.UtcDateTime), clock, cancellationToken);
        // A message settled by a process that ended before it could say so here.
        await Pruning.RunAsync(
            db, $"delete from {messaging.Tables}attempts where ctid = any(array(select ctid from {messaging.Tables}attempts where at < @horizon limit @batch for update skip locked))",
            command => command.AddValue("horizon", horizon.UtcDateTime), clock, cancellationToken);
        if (removed > 0)
            log.InboxPruned(removed);
        return true;
    }

    /// <returns>Null when one of them keeps for ever.</returns>
    private async Task<TimeSpan?> LongestWayBackAsync(CancellationToken cancellationToken)
    {
        var longest = TimeSpan.Zero;
        foreach (var stream in consumers.Select(consumer => consumer.Stream).Distinct())
            if (await MaxAgeAsync(stream, cancellationToken) is not { } age)
                return null;
            else if (age > longest)
                longest = age;
        return longest + await MaxAgeAsync(deadLetters.Stream.Name, cancellationToken);
    }

    private async Task<TimeSpan?> MaxAgeAsync(string stream, CancellationToken cancellationToken)
    {
        TimeSpan age;
        try
        {
            age = (await jetStream.GetStreamAsync(stream, cancellationToken: cancellationToken)).Info.Config.MaxAge;
        }
        catch (NatsJSApiException e)
        {
            throw new NatsJSException($"stream {stream}: {e.Message}", e);
        }
        if (age > TimeSpan.Zero)
            return age;
        log.InboxNotPruned($"stream {stream} has no age limit");
        return null;
    }
}
