using EventShop.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>Counts the dead letters that wait for an operator, and has those reviewed that may have become obsolete.</summary>
internal sealed class DeadLetterWatch(
    DeadLetters deadLetters, ObsoleteLetters obsolete, IEnumerable<ConsumerDefinition> consumers, IServiceScopeFactory scopes, Supervisor supervisor, TimeProvider clock, ILogger<DeadLetterWatch> log) : BackgroundService
{
    /// <summary>Letters that are reviewed. Of more than that the oldest are, and the others count as open.</summary>
    private const int MaxReviewed = 10_000;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private IReadOnlyList<DeadLetter> _letters = [];
    private DeadLettersVersion? _version;

    /// <summary>What waits for an operator; null until it has been looked at.</summary>
    public OpenLetters? Open { get; private set; }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        supervisor.EveryAsync("dead letter watch", Interval, WatchAsync, log, stoppingToken);

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        try
        {
            await ReadAsync(cancellationToken);
        }
        catch (NatsException e)
        {
            // That the broker is away is the health check's.
            log.DeadLettersNotRead(e.Message);
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        var version = await deadLetters.VersionAsync(cancellationToken);
        if (version != _version)
        {
            _letters = version.Messages == 0 ? [] : await deadLetters.ListAsync(after: 0, MaxReviewed, cancellationToken);
            await obsolete.ForgetOthersAsync(_letters, upTo: version.Last, cancellationToken);
            _version = version;
        }

        var marked = await obsolete.MarkedAsync(_letters, cancellationToken);
        var open = await ReviewAsync([.. marked.Where(letter => letter.ObsoleteSince is null)], cancellationToken);
        foreach (var consumer in consumers.Select(definition => definition.Name).Union(_letters.Select(letter => letter.Consumer)))
            MessagingTelemetry.DeadLettersOpen.Record(
                open.Count(letter => letter.Consumer == consumer), new KeyValuePair<string, object?>(MessagingTelemetry.ConsumerName, consumer));
        Open = new(Math.Max(0, version.Messages - _letters.Count) + open.Count, open.Count == 0 ? null : open[0]);
    }

    /// <returns>Those that still matter.</returns>
    private async Task<IReadOnlyList<DeadLetter>> ReviewAsync(IReadOnlyList<DeadLetter> letters, CancellationToken cancellationToken)
    {
        if (letters.Count == 0)
            return letters;
        var open = letters.ToList();
        await using var scope = scopes.CreateAsyncScope();
        foreach (var review in scope.ServiceProvider.GetServices<IDeadLetterReview>())
            foreach (var (letter, reason) in await review.FindObsoleteAsync([.. open], cancellationToken))
            {
                await obsolete.MarkAsync(letter, reason, clock.GetUtcNow(), cancellationToken);
                log.DeadLetterIsObsolete(letter.Consumer, letter.Id, reason);
                open.Remove(letter);
            }
        return open;
    }
}

/// <summary>Dead letters that wait for an operator.</summary>
/// <param name="Count">How many.</param>
/// <param name="Oldest">The first of them.</param>
internal sealed record OpenLetters(long Count, DeadLetter? Oldest);

/// <summary>
/// No dead letter waits for an operator. Degraded and not unhealthy where one does: others get through, and anybody may publish what is none.
/// </summary>
internal sealed class DeadLettersHealthCheck(DeadLetterWatch watch) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(watch.Open switch
        {
            null => HealthCheckResult.Healthy("not read yet"),
            { Count: 0 } => HealthCheckResult.Healthy(),
            { Oldest: { } oldest } open => HealthCheckResult.Degraded(
                $"{open.Count} to be looked at, the oldest since {oldest.GivenUpAt:yyyy-MM-dd'T'HH:mm:ss'Z'}: {oldest.Consumer}: {oldest.Reason}"),
            var open => HealthCheckResult.Degraded($"{open.Count} to be looked at"),
        });
}
