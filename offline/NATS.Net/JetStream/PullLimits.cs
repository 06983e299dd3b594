using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>How much to request ahead, when to request more, and for how long; checked.</summary>
internal sealed record PullLimits
{
    private static readonly TimeSpan LongestHeartbeat = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ShortestHeartbeat = TimeSpan.FromSeconds(0.5);

    public PullLimits(int? maxMsgs, int? maxBytes, TimeSpan? expires, TimeSpan? idleHeartbeat, int? thresholdMsgs = null, int? thresholdBytes = null)
    {
        MaxMsgs = (maxMsgs, maxBytes) switch
        {
            (not null, not null) => throw new NatsJSException("You can only set maxBytes or maxMsgs"),
            (null, null) => throw new NatsJSException("You must set maxBytes or maxMsgs"),
            (null, _) => 1_000_000,
            _ => maxMsgs.Value,
        };
        MaxBytes = maxBytes ?? 0;
        ThresholdMsgs = thresholdMsgs ?? MaxMsgs / 2;
        ThresholdBytes = thresholdBytes ?? MaxBytes / 2;
        Expires = expires ?? TimeSpan.FromSeconds(30);
        IdleHeartbeat = idleHeartbeat ?? Expires / 2;
        ChannelCapacity = maxMsgs is > 0 ? maxMsgs.Value * 2 : 1_000;

        if (ThresholdMsgs > MaxMsgs)
        {
            throw new NatsJSException("thresholdMsgs must be less than maxMsgs");
        }

        if (ThresholdBytes > MaxBytes)
        {
            throw new NatsJSException("thresholdBytes must be less than maxBytes");
        }

        if (Expires < TimeSpan.FromSeconds(1))
        {
            throw new NatsJSException("expires must be greater than 00:00:01");
        }

        if (IdleHeartbeat > LongestHeartbeat)
        {
            throw new NatsJSException($"idleHeartbeat must be less than {LongestHeartbeat}");
        }

        if (IdleHeartbeat != TimeSpan.Zero && IdleHeartbeat < ShortestHeartbeat)
        {
            throw new NatsJSException($"idleHeartbeat must be greater than {ShortestHeartbeat}");
        }
    }

    public long MaxMsgs { get; }

    public long MaxBytes { get; }

    public long ThresholdMsgs { get; }

    public long ThresholdBytes { get; }

    public TimeSpan Expires { get; }

    public TimeSpan IdleHeartbeat { get; }

    public int ChannelCapacity { get; }

    public PullRequest Request(long batch, long maxBytes) =>
        new() { Batch = batch, MaxBytes = maxBytes, Expires = Expires, IdleHeartbeat = IdleHeartbeat };
}
