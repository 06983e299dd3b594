using NATS.Client.Core;

namespace NATS.Client.JetStream;

/// <summary>Options of a JetStream context.</summary>
public record NatsJSOpts
{
    /// <summary>With a prefix or a domain, not both.</summary>
    public NatsJSOpts(NatsOpts opts, string? apiPrefix = default, string? domain = default, AckOpts? ackOpts = default, TimeSpan? requestTimeout = default)
    {
        if (apiPrefix is not null && domain is not null)
        {
            throw new NatsJSException("Cannot specify both ApiPrefix and Domain.");
        }

        ApiPrefix = apiPrefix ?? "$JS.API";
        Domain = domain;
        RequestTimeout = requestTimeout ?? opts.RequestTimeout;
    }

    /// <summary>What every subject of the API starts with.</summary>
    public string Prefix => string.IsNullOrEmpty(Domain) ? ApiPrefix : $"$JS.{Domain}.API";

    /// <summary>The prefix without a domain.</summary>
    public string ApiPrefix { get; }

    /// <summary>The domain.</summary>
    public string? Domain { get; }

    /// <summary>How long the API and a publish may take.</summary>
    public TimeSpan RequestTimeout { get; }

    /// <summary>Whether an acknowledgement waits for the server to confirm it.</summary>
    public bool DoubleAck { get; init; }

    /// <summary>For a consume without options.</summary>
    public NatsJSConsumeOpts DefaultConsumeOpts { get; init; } = new() { MaxMsgs = 1_000 };

    /// <summary>For a next without options.</summary>
    public NatsJSNextOpts DefaultNextOpts { get; init; } = new();
}

/// <summary>Options of an endless consume. Exactly one of <see cref="MaxMsgs"/> and <see cref="MaxBytes"/> must be set.</summary>
public record NatsJSConsumeOpts
{
    /// <summary>Messages requested ahead, at most.</summary>
    public int? MaxMsgs { get; init; }

    /// <summary>Time of a pull request; 30 s unless set, 1 s at least.</summary>
    public TimeSpan? Expires { get; init; }

    /// <summary>Bytes requested ahead, at most.</summary>
    public int? MaxBytes { get; init; }

    /// <summary>
    /// Time between the server's heartbeats; half of <see cref="Expires"/> unless set. Twice it without one means a new pull
    /// request.
    /// </summary>
    public TimeSpan? IdleHeartbeat { get; init; }

    /// <summary>Requests more when so many are left; half of <see cref="MaxMsgs"/> unless set.</summary>
    public int? ThresholdMsgs { get; init; }

    /// <summary>Requests more when so many are left; half of <see cref="MaxBytes"/> unless set.</summary>
    public int? ThresholdBytes { get; init; }

    /// <summary>Hears of missed heartbeats, absent servers and the like.</summary>
    public Func<INatsJSNotification, CancellationToken, Task>? NotificationHandler { get; init; }

    /// <summary>Ends with an exception after so many answers "no responders" in a row; −1 for never.</summary>
    public int MaxConsecutive503Errors { get; init; } = 10;
}

/// <summary>Options of a fetch. Exactly one of <see cref="MaxMsgs"/> and <see cref="MaxBytes"/> must be set.</summary>
public record NatsJSFetchOpts
{
    /// <summary>Messages at most.</summary>
    public int? MaxMsgs { get; init; }

    /// <summary>How long to wait for them; 30 s unless set, 1 s at least.</summary>
    public TimeSpan? Expires { get; init; }

    /// <summary>Bytes at most.</summary>
    public int? MaxBytes { get; init; }

    /// <summary>
    /// Time between the server's heartbeats; half of <see cref="Expires"/> unless set. Twice it without one ends the fetch.
    /// </summary>
    public TimeSpan? IdleHeartbeat { get; init; }

    /// <summary>Hears of missed heartbeats, absent servers and the like.</summary>
    public Func<INatsJSNotification, CancellationToken, Task>? NotificationHandler { get; init; }
}

/// <summary>Options of a fetch of one message.</summary>
public record NatsJSNextOpts
{
    /// <summary>How long to wait for it; 30 s unless set, 1 s at least.</summary>
    public TimeSpan? Expires { get; init; }

    /// <summary>Time between the server's heartbeats.</summary>
    public TimeSpan? IdleHeartbeat { get; init; }

    /// <summary>Hears of missed heartbeats, absent servers and the like.</summary>
    public Func<INatsJSNotification, CancellationToken, Task>? NotificationHandler { get; init; }
}

/// <summary>Options of a publish.</summary>
public record NatsJSPubOpts : NatsPubOpts
{
    /// <summary>The defaults.</summary>
    public static readonly NatsJSPubOpts Default = new();

    /// <summary>Stored at most once within the stream's window.</summary>
    public string? MsgId { get; init; }

    /// <summary>Refused unless the stream's last message has this id.</summary>
    public string? ExpectedLastMsgId { get; init; }

    /// <summary>Refused unless this stream takes it.</summary>
    public string? ExpectedStream { get; init; }

    /// <summary>Refused unless the stream's last sequence is this.</summary>
    public ulong? ExpectedLastSequence { get; init; }

    /// <summary>Refused unless the subject's last sequence is this.</summary>
    public ulong? ExpectedLastSubjectSequence { get; init; }

    /// <summary>Wait between attempts.</summary>
    public TimeSpan RetryWaitBetweenAttempts { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Attempts when the server says that no stream listens.</summary>
    public int RetryAttempts { get; init; } = 1;
}

/// <summary>Options of an acknowledgement.</summary>
public readonly record struct AckOpts
{
    /// <summary>Whether to wait for the server to confirm it.</summary>
    public bool? DoubleAck { get; init; }

    /// <summary>Of a NAK: when to deliver again.</summary>
    public TimeSpan? NakDelay { get; init; }

    /// <summary>Of a termination: why.</summary>
    public string? TerminateReason { get; init; }
}
