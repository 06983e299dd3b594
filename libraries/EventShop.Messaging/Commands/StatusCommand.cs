using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>All of messaging at one look. With the broker or the database away, it tells of what is left.</summary>
internal sealed class StatusCommand(
    MessagingOptions options, IEnumerable<StreamDefinition> streams, IEnumerable<ConsumerDefinition> consumers, OutboxTable outbox, INatsJSContext jetStream,
    BrokerCalls calls, TimeProvider clock, Servers servers, DeadLetters? deadLetters = null) : OperatorCommand(servers, "status", "")
{
    private const int NotFound = 404;

    protected override async Task<int> RunAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        arguments.End();
        IReadOnlyList<StreamReport>? streamReports = null;
        IReadOnlyList<ConsumerReport>? consumerReports = null;
        OutboxReport? outboxReport = null;
        var brokerTrouble = await TryAsync(async () =>
        {
            await Servers.ConnectAsync(cancellationToken);
            streamReports = await StreamsAsync(cancellationToken);
            consumerReports = await ConsumersCommand.ReadAsync(consumers, jetStream, calls, cancellationToken);
        });
        var databaseTrouble = await TryAsync(async () => outboxReport = Report(await outbox.BacklogAsync(cancellationToken)));

        var report = new StatusReport(
            options.Source, new(Servers.Broker, Servers.BrokerVersion, brokerTrouble is null, brokerTrouble),
            new(Servers.Database, null, databaseTrouble is null, databaseTrouble), outboxReport,
            streamReports?.FirstOrDefault(stream => stream.Name == deadLetters?.Stream.Name)?.Messages, streamReports, consumerReports);
        await answer.WriteAsync(report, CommandJson.Default.StatusReport, Text);
        return report.Nats.IsReachable && report.Database.IsReachable ? 0 : 1;
    }

    private async Task<string?> TryAsync(Func<Task> read)
    {
        try
        {
            await read();
            return null;
        }
        catch (Exception e) when (Servers.Explain(e) is { } trouble)
        {
            return trouble;
        }
    }

    private async Task<IReadOnlyList<StreamReport>> StreamsAsync(CancellationToken cancellationToken)
    {
        var reports = new List<StreamReport>();
        foreach (var definition in streams)
        {
            try
            {
                var state = (await calls.CallAsync(token => jetStream.GetStreamAsync(definition.Name, cancellationToken: token), cancellationToken)).Info.State;
                reports.Add(new(
                    definition.Name, definition.Subjects, Exists: true, (long)state.Messages, (long)state.Bytes, (long)state.LastSeq,
                    ReceivedEvent.TryReadTime(state.LastTs ?? "", out var last) && last > default(DateTimeOffset) ? last : null));
            }
            catch (NatsJSApiException e) when (e.Error.Code is NotFound)
            {
                reports.Add(new(definition.Name, definition.Subjects, Exists: false));
            }
        }
        return reports;
    }

    private OutboxReport Report(OutboxBacklog backlog) => new(
        backlog.Unsent, backlog.Oldest, backlog.Oldest is { } oldest ? Math.Max(0, Math.Round((clock.GetUtcNow() - oldest).TotalSeconds, 1)) : null,
        backlog.Scheduled, backlog.Parked, backlog.ParkedSince, backlog.ParkedFor);

    private static string Text(StatusReport report) => Answer.Facts(
        ("service", report.Service),
        ("nats", report.Nats.Trouble ?? $"{report.Nats.Place}, nats-server {report.Nats.Version}"),
        ("database", report.Database.Trouble ?? report.Database.Place),
        ("outbox", report.Outbox is not { } outbox ? null
            : $"{outbox.Unsent} unsent{(outbox.OldestAgeSeconds is { } age ? $", the oldest for {age} s" : "")}; {outbox.Scheduled} scheduled; {outbox.Parked} parked"),
        ("parked since", report.Outbox?.ParkedSince), ("parked for", report.Outbox?.ParkedFor),
        ("dead letters", report.DeadLetters))
        + (report.Streams is not { } streams ? "" : $"\n{Answer.Table(
            ["STREAM", "SUBJECTS", "MESSAGES", "BYTES", "LAST SEQ", "LAST MESSAGE"], streams.Select(stream => new object?[]
            {
                stream.Name, string.Join(' ', stream.Subjects), stream.Exists ? stream.Messages : "missing", stream.Bytes, stream.LastSequence, stream.LastAt,
            }))}")
        + (report.Consumers is not { } consumers ? "" : $"\n{ConsumersCommand.Table(consumers)}");
}

/// <param name="Service">The source of its events.</param>
/// <param name="Nats">The broker.</param>
/// <param name="Database">The database.</param>
/// <param name="Outbox">Null when the database is away.</param>
/// <param name="DeadLetters">How many there are, obsolete ones too. Null when the broker is away, or nothing is consumed.</param>
/// <param name="Streams">Those of this service. Null when the broker is away.</param>
/// <param name="Consumers">Null when the broker is away.</param>
internal sealed record StatusReport(
    string Service, ServerReport Nats, ServerReport Database, OutboxReport? Outbox, long? DeadLetters, IReadOnlyList<StreamReport>? Streams,
    IReadOnlyList<ConsumerReport>? Consumers);

internal sealed record ServerReport(string Place, string? Version, bool IsReachable, string? Trouble);

internal sealed record OutboxReport(
    long Unsent, DateTimeOffset? Oldest, double? OldestAgeSeconds, long Scheduled, long Parked, DateTimeOffset? ParkedSince, string? ParkedFor);

internal sealed record StreamReport(
    string Name, string[] Subjects, bool Exists, long? Messages = null, long? Bytes = null, long? LastSequence = null, DateTimeOffset? LastAt = null);
