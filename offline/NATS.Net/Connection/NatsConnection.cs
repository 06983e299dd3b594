using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

/// <summary>A connection to NATS that reconnects by itself; safe for concurrent use.</summary>
public partial class NatsConnection : INatsConnection
{
    private readonly Lock _gate = new();
    private readonly ILogger _logger;
    private readonly ConnectionEvents _events;
    private readonly CommandWriter _writer;
    private readonly SubscriptionTable _subscriptions;
    private readonly PendingReplies _replies;
    private readonly CancellationTokenSource _disposed = new();
    private volatile NatsConnectionState _state = NatsConnectionState.Closed;
    private volatile ServerInfo? _serverInfo;
    private volatile Transport? _transport;
    private TaskCompletionSource _opened = NewSignal();
    private int _isDisposed;

    /// <summary>With default options.</summary>
    public NatsConnection()
        : this(NatsOpts.Default)
    {
    }

    /// <summary>Connects with the first call, or with <see cref="ConnectAsync"/>.</summary>
    public NatsConnection(NatsOpts opts)
    {
        Opts = opts.WithCredentialsFromUrl();
        _logger = opts.LoggerFactory.CreateLogger<NatsConnection>();
        _events = new ConnectionEvents(_logger);
        _writer = new CommandWriter(Opts);
        InboxPrefix = NewInbox(opts.InboxPrefix);
        _subscriptions = new SubscriptionTable(_writer, $"{InboxPrefix}.*");
        _replies = new PendingReplies($"{InboxPrefix}.");
    }

    /// <inheritdoc/>
    public event AsyncEventHandler<NatsEventArgs>? ConnectionDisconnected;

    /// <inheritdoc/>
    public event AsyncEventHandler<NatsEventArgs>? ConnectionOpened;

    /// <inheritdoc/>
    public event AsyncEventHandler<NatsEventArgs>? ReconnectFailed;

    /// <inheritdoc/>
    public event AsyncEventHandler<NatsMessageDroppedEventArgs>? MessageDropped;

    /// <inheritdoc/>
    public event AsyncEventHandler<NatsSlowConsumerEventArgs>? SlowConsumerDetected;

    /// <inheritdoc/>
    public event AsyncEventHandler<NatsLameDuckModeActivatedEventArgs>? LameDuckModeActivated;

    /// <inheritdoc/>
    public event AsyncEventHandler<NatsServerErrorEventArgs>? ServerError;

    /// <inheritdoc/>
    public INatsConnection Connection => this;

    /// <inheritdoc/>
    public NatsOpts Opts { get; }

    /// <inheritdoc/>
    public NatsConnectionState ConnectionState => _state;

    /// <inheritdoc/>
    public INatsServerInfo? ServerInfo => _serverInfo;

    /// <summary>This connection's own inbox: replies arrive below it.</summary>
    internal string InboxPrefix { get; }

    /// <summary>What every span says about the server.</summary>
    internal KeyValuePair<string, object?>[] ServerTags { get; private set; } = [];

    internal ILogger Logger => _logger;

    internal CommandWriter Writer => _writer;

    internal SubscriptionTable Subscriptions => _subscriptions;

    internal bool IsDisposed => Volatile.Read(ref _isDisposed) == 1;

    /// <inheritdoc/>
    public string NewInbox() => NewInbox(InboxPrefix);

    /// <inheritdoc/>
    public ValueTask ReconnectAsync()
    {
        if (_state == NatsConnectionState.Open)
        {
            _transport?.Close(null);
        }

        return default;
    }

    /// <summary>
    /// Closes. Queued commands are lost unless <see cref="NatsOpts.DrainSubscriptionsOnDispose"/> is set: then subscriptions end
    /// first, their readers get what has arrived, and acknowledgements still go out.
    /// </summary>
    public virtual async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1)
        {
            return;
        }

        GC.SuppressFinalize(this);
        if (Opts.DrainSubscriptionsOnDispose && _state == NatsConnectionState.Open)
        {
            await _subscriptions.EndAllAsync().ConfigureAwait(false);
            await FlushOrLoseAsync().ConfigureAwait(false);
            _transport?.Close(null);
        }
        else
        {
            _transport?.Close(null);
            await _subscriptions.EndAllAsync().ConfigureAwait(false);
        }

        await _disposed.CancelAsync().ConfigureAwait(false);
        lock (_gate)
        {
            _opened.TrySetCanceled();
        }

        _events.Stop();
    }

    internal static string NewInbox(string prefix) => prefix.Length == 0 ? Nuid.New() : $"{prefix}.{Nuid.New()}";

    /// <summary>The part of a subject that names a span: few enough values to group by.</summary>
    internal string SpanName(string subject)
    {
        if (subject.StartsWith(Opts.InboxPrefix, StringComparison.Ordinal))
        {
            return "inbox";
        }

        var first = subject.IndexOf('.');
        var second = first < 0 ? -1 : subject.IndexOf('.', first + 1);
        return second < 0 ? subject : subject[..second];
    }

    internal void OnMessageDropped<T>(NatsSubBase subscription, int pending, in NatsMsg<T> msg)
    {
        _events.Post(
            MessageDropped, this, new NatsMessageDroppedEventArgs(
                subscription, pending, msg.Subject, msg.ReplyTo, msg.Headers, msg.Data));
        if (subscription.TryMarkSlow())
        {
            _events.Post(SlowConsumerDetected, this, new NatsSlowConsumerEventArgs(subscription));
            _logger.SlowConsumer(subscription.Subject);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task FlushOrLoseAsync()
    {
        if (_transport is { } transport)
        {
            var patience = Task.Delay(Opts.DrainPingTimeout, CancellationToken.None);
            await Task.WhenAny(_writer.FlushAsync(), transport.Closed, patience).ConfigureAwait(false);
        }
    }
}
