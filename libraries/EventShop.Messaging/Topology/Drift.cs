using NATS.Client.JetStream.Models;

namespace EventShop.Messaging;

/// <summary>What this code sets of a stream's and a consumer's configuration, and how the broker's differs. The rest is the operator's.</summary>
internal static class Drift
{
    public static StreamConfig Configure(this StreamDefinition definition, StreamConfig config, int replicas) => config with
    {
        Subjects = definition.Subjects,
        Retention = StreamConfigRetention.Limits,
        Storage = StreamConfigStorage.File,
        // When full, refuse: the outbox keeps what is refused, while what is dropped is gone.
        Discard = StreamConfigDiscard.New,
        MaxAge = definition.MaxAge,
        DuplicateWindow = definition.DuplicateWindow,
        // Single messages are read for the dead letters.
        AllowDirect = true,
        NumReplicas = replicas,
    };

    /// <summary>
    /// Of what is wanted, that which costs nothing that is there: no message, no copy of one, no subject. A stream only grows by it, so that no two
    /// versions of a service can change it to and fro.
    /// </summary>
    public static StreamConfig OnlyGrown(this StreamConfig wanted, StreamConfig actual) => wanted with
    {
        Subjects = [.. wanted.Subjects ?? [], .. (actual.Subjects ?? []).Where(subject => !StreamDefinition.Captures(wanted.Subjects ?? [], subject))],
        Retention = actual.Retention,
        Storage = actual.Storage,
        Discard = actual.Discard,
        // Zero is for ever.
        MaxAge = actual.MaxAge == TimeSpan.Zero || actual.MaxAge > wanted.MaxAge ? actual.MaxAge : wanted.MaxAge,
        DuplicateWindow = actual.DuplicateWindow > wanted.DuplicateWindow ? actual.DuplicateWindow : wanted.DuplicateWindow,
        NumReplicas = Math.Max(actual.NumReplicas, wanted.NumReplicas),
    };

    /// <summary>Whether events can be kept in it until they are handled, whatever else is not as wanted.</summary>
    public static bool Serves(this StreamConfig actual, StreamConfig wanted) =>
        actual.Storage == wanted.Storage && actual.Retention == wanted.Retention
        && (wanted.Subjects ?? []).All(subject => StreamDefinition.Captures(actual.Subjects ?? [], subject));

    public static ConsumerConfig Configure(this ConsumerDefinition definition, ConsumerConfig config) => config with
    {
        FilterSubject = definition.Subject,
        AckPolicy = ConsumerConfigAckPolicy.Explicit,
        AckWait = definition.Options.AckWait,
        // Attempts are counted here, and deliveries are not attempts: the broker never gives up.
        MaxDeliver = -1,
        MaxAckPending = definition.Options.MaxAckPending,
    };

    /// <summary>A consumer that is made: where it begins cannot be changed later.</summary>
    public static ConsumerConfig BeginningAt(this ConsumerConfig config, DateTimeOffset? time) => time is { } start
        ? config with { DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartTime, OptStartTime = start }
        : config with { DeliverPolicy = ConsumerConfigDeliverPolicy.All };

    /// <returns>Null when they agree; otherwise <c>ack_wait 00:00:10 → 00:00:30, …</c>.</returns>
    public static string? Between(StreamConfig actual, StreamConfig wanted) => Describe(
        ("subjects", string.Join(' ', (actual.Subjects ?? []).Order()), string.Join(' ', (wanted.Subjects ?? []).Order())),
        ("retention", actual.Retention, wanted.Retention),
        ("storage", actual.Storage, wanted.Storage),
        ("discard", actual.Discard, wanted.Discard),
        ("max_age", actual.MaxAge, wanted.MaxAge),
        ("duplicate_window", actual.DuplicateWindow, wanted.DuplicateWindow),
        ("allow_direct", actual.AllowDirect, wanted.AllowDirect),
        ("num_replicas", actual.NumReplicas, wanted.NumReplicas));

    /// <inheritdoc cref="Between(StreamConfig, StreamConfig)"/>
    public static string? Between(ConsumerConfig actual, ConsumerConfig wanted) => Describe(
        ("filter_subject", actual.FilterSubject, wanted.FilterSubject),
        ("ack_policy", actual.AckPolicy, wanted.AckPolicy),
        ("ack_wait", actual.AckWait, wanted.AckWait),
        ("max_deliver", actual.MaxDeliver, wanted.MaxDeliver),
        ("max_ack_pending", actual.MaxAckPending, wanted.MaxAckPending));

    private static string? Describe(params (string Setting, object? Actual, object? Wanted)[] settings)
    {
        var differences = settings.Where(s => !Equals(s.Actual, s.Wanted)).Select(s => $"{s.Setting} {s.Actual} → {s.Wanted}");
        return string.Join(", ", differences) is { Length: > 0 } drift ? drift : null;
    }
}
