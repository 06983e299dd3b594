using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace NATS.Client.Core;

/// <summary>How <c>RequestAsync</c> waits for its reply.</summary>
public enum NatsRequestReplyMode
{
    /// <summary>No responders throw <see cref="NatsNoRespondersException"/>.</summary>
    SharedInbox,

    /// <summary>No responders give a message with <see cref="NatsMsg{T}.HasNoResponders"/>.</summary>
    Direct,
}

/// <summary>Options of a connection.</summary>
public sealed record NatsOpts
{
    /// <summary>The defaults.</summary>
    public static readonly NatsOpts Default = new();

    /// <summary>One URL or several, separated by commas; user and password may stand in the first, percent-encoded.</summary>
    public string Url { get; init; } = "nats://localhost:4222";

    /// <summary>The connection's name, as the server's monitoring shows it.</summary>
    public string Name { get; init; } = "NATS .NET Client";

    /// <summary>Whether the server sends this connection its own messages.</summary>
    public bool Echo { get; init; } = true;

    /// <summary>Whether the server answers each command with +OK.</summary>
    public bool Verbose { get; init; }

    /// <summary>Whether headers are supported.</summary>
    public bool Headers { get; init; } = true;

    /// <summary>Credentials; when set they win over those in <see cref="Url"/>.</summary>
    public NatsAuthOpts AuthOpts { get; init; } = new();

    /// <summary>TLS.</summary>
    public NatsTlsOpts TlsOpts { get; init; } = new();

    /// <summary>Serializers for calls that name none.</summary>
    public INatsSerializerRegistry SerializerRegistry { get; init; } = NatsDefaultSerializerRegistry.Default;

    /// <summary>Where to log.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Initial size of the write buffer, in bytes.</summary>
    public int WriterBufferSize { get; init; } = 65536;

    /// <summary>Size of the read buffer, in bytes.</summary>
    public int ReaderBufferSize { get; init; } = 65536;

    /// <summary>A server that announces a larger payload is disconnected, in bytes.</summary>
    public int MaxPayloadHardCap { get; init; } = 64 * 1024 * 1024;

    /// <summary>First token of inbox subjects.</summary>
    public string InboxPrefix { get; init; } = "_INBOX";

    /// <summary>Whether to try servers in the order given.</summary>
    public bool NoRandomize { get; init; }

    /// <summary>Time between pings; zero for none.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Unanswered pings after which the connection is given up.</summary>
    public int MaxPingOut { get; init; } = 2;

    /// <summary>First wait between attempts to reconnect; it doubles up to <see cref="ReconnectWaitMax"/>.</summary>
    public TimeSpan ReconnectWaitMin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Random time added to each wait, at most.</summary>
    public TimeSpan ReconnectJitter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>For the TCP connection, TLS, and each step of the introduction.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a request waits for its reply.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a publish waits for a connection, with <see cref="PublishTimeoutOnDisconnected"/>.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Encoding of headers.</summary>
    public Encoding HeaderEncoding { get; init; } = Encoding.ASCII;

    /// <summary>Whether closing delivers what has arrived, and sends what was queued, before the socket closes.</summary>
    public bool DrainSubscriptionsOnDispose { get; init; }

    /// <summary>With a drain, how long closing waits for consumers to finish what they hold; null does not wait.</summary>
    public TimeSpan? ConsumerDrainOnDisposeTimeout { get; init; }

    /// <summary>With a drain, how long to wait for the server to confirm the end of a subscription.</summary>
    public TimeSpan DrainPingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Attempts to reconnect before the connection fails for good; −1 for no limit.</summary>
    public int MaxReconnectRetry { get; init; } = -1;

    /// <summary>Longest wait between attempts to reconnect.</summary>
    public TimeSpan ReconnectWaitMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether to keep trying after the same authentication error twice in a row.</summary>
    public bool IgnoreAuthErrorAbort { get; init; }

    /// <summary>Messages that wait in a subscription.</summary>
    public int SubPendingChannelCapacity { get; init; } = 1024;

    /// <summary>What happens to a message that finds the subscription full.</summary>
    public BoundedChannelFullMode SubPendingChannelFullMode { get; init; } = BoundedChannelFullMode.DropNewest;

    /// <summary>How requests treat no responders.</summary>
    public NatsRequestReplyMode RequestReplyMode { get; init; } = NatsRequestReplyMode.SharedInbox;

    /// <summary>Whether the first connection is tried again until it succeeds.</summary>
    public bool RetryOnInitialConnect { get; init; }

    /// <summary>Whether a publish while disconnected gives up after <see cref="CommandTimeout"/>; otherwise it waits.</summary>
    public bool PublishTimeoutOnDisconnected { get; init; }

    /// <summary>Whether subjects go unchecked.</summary>
    public bool SkipSubjectValidation { get; init; }

    internal ServerAddress[] SeedAddresses()
    {
        var addresses = Url.Split(',').Select(url => new ServerAddress(url, isSeed: true)).Distinct().ToArray();
        if (!NoRandomize)
        {
            Random.Shared.Shuffle(addresses);
        }

        return addresses;
    }

    /// <summary>Takes user and password, or a token, from the first URL unless the options name them.</summary>
    internal NatsOpts WithCredentialsFromUrl()
    {
        if (AuthOpts is { Username.Length: > 0 } or { Password.Length: > 0 } or { Token.Length: > 0 })
        {
            return this;
        }

        var userInfo = new ServerAddress(Url.Split(',')[0], isSeed: true).Uri.UserInfo;
        if (userInfo.Length == 0)
        {
            return this;
        }

        var parts = userInfo.Split(':', 2);
        var name = Uri.UnescapeDataString(parts[0]);
        return parts is [_, { Length: > 0 } password]
            ? this with { AuthOpts = AuthOpts with { Username = name, Password = Uri.UnescapeDataString(password) } }
            : this with { AuthOpts = AuthOpts with { Token = name } };
    }
}
