using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>How far this service's consumers are.</summary>
internal sealed class ConsumersCommand(IEnumerable<ConsumerDefinition> definitions, INatsJSContext jetStream, BrokerCalls calls, Servers servers)
    : OperatorCommand(servers, "consumers", "")
{
    private const int NotFound = 404;

    public static async Task<IReadOnlyList<ConsumerReport>> ReadAsync(
        IEnumerable<ConsumerDefinition> definitions, INatsJSContext jetStream, BrokerCalls calls, CancellationToken cancellationToken)
    {
        var reports = new List<ConsumerReport>();
        foreach (var definition in definitions)
        {
            try
            {
                var info = (await calls.CallAsync(token => jetStream.GetConsumerAsync(definition.Stream, definition.Name, token), cancellationToken)).Info;
                reports.Add(new(
                    definition.Name, definition.Stream, definition.Subject, Exists: true, (long)info.NumPending, info.NumAckPending, info.NumRedelivered,
                    (long)info.Delivered.StreamSeq, (long)info.AckFloor.StreamSeq));
            }
            catch (NatsJSApiException e) when (e.Error.Code is NotFound)
            {
                reports.Add(new(definition.Name, definition.Stream, definition.Subject, Exists: false));
            }
        }
        return reports;
    }

    public static string Table(IEnumerable<ConsumerReport> reports) => Answer.Table(
        ["CONSUMER", "STREAM", "SUBJECT", "LAG", "ACK PENDING", "REDELIVERED", "DELIVERED", "ACK FLOOR"],
        reports.Select(report => new object?[]
        {
            report.Name, report.Stream, report.Subject, report.Exists ? report.Lag : "missing", report.AckPending, report.Redelivered,
            report.Delivered, report.AckFloor,
        }));

    protected override async Task<int> RunAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken)
    {
        arguments.End();
        await Servers.ConnectAsync(cancellationToken);
        await answer.WriteAsync(await ReadAsync(definitions, jetStream, calls, cancellationToken), CommandJson.Default.IReadOnlyListConsumerReport, Table);
        return 0;
    }
}

/// <param name="Name">Its durable name.</param>
/// <param name="Stream">The stream it reads.</param>
/// <param name="Subject">The subjects of it that it wants.</param>
/// <param name="Exists">Whether the broker has it. The numbers are null when it has not.</param>
/// <param name="Lag">Messages it was not given yet.</param>
/// <param name="AckPending">Messages it was given and has not settled.</param>
/// <param name="Redelivered">Those of them it was given more than once.</param>
/// <param name="Delivered">The last message it was given, by its sequence in the stream.</param>
/// <param name="AckFloor">The message up to which all are settled, by its sequence in the stream.</param>
internal sealed record ConsumerReport(
    string Name, string Stream, string Subject, bool Exists, long? Lag = null, long? AckPending = null, long? Redelivered = null, long? Delivered = null,
    long? AckFloor = null);
