using System.Threading.Channels;

namespace NATS.Client.Core;

/// <summary>A subscription, whatever it does with its messages.</summary>
public abstract class NatsSubBase
{
    private readonly Lock _gate = new();
    private readonly NatsSubOpts? _opts;
    private CancellationTokenRegistration _cancellation;
    private SubscriptionTimers? _timers;
    private TaskCompletionSource? _reader;
    private Exception? _exception;
    private int _pendingMsgs;
    private int _isSlow;
    private bool _isUnsubscribed;
    private bool _isEnded;

    internal NatsSubBase(NatsConnection connection, string subject, string? queueGroup, NatsSubOpts? opts)
    {
        if (!connection.Opts.SkipSubjectValidation)
        {
            SubjectRules.CheckSubject(subject);
            SubjectRules.CheckQueueGroup(queueGroup);
        }

        Connection = connection;
        Subject = subject;
        QueueGroup = queueGroup;
        _opts = opts;
        _pendingMsgs = opts?.MaxMsgs is > 0 and var max ? max : -1;
    }

    /// <summary>Its subject.</summary>
    public string Subject { get; }

    /// <summary>Its queue group.</summary>
    public string? QueueGroup { get; }

    /// <summary>What ended it.</summary>
    public Exception? Exception => Volatile.Read(ref _exception);

    /// <summary>Messages left of <see cref="NatsSubOpts.MaxMsgs"/>.</summary>
    public int? PendingMsgs => _pendingMsgs == -1 ? null : Volatile.Read(ref _pendingMsgs);

    /// <summary>Why it ended.</summary>
    public NatsSubEndReason EndReason { get; private set; }

    internal int Sid { get; set; }

    /// <summary>Guards what a subclass shares between its reader and the read loop.</summary>
    internal Lock Gate => _gate;

    private protected NatsConnection Connection { get; }

    /// <summary>Ends it: the server is told, what has arrived can still be read.</summary>
    public ValueTask UnsubscribeAsync()
    {
        lock (_gate)
        {
            if (_isUnsubscribed)
            {
                return default;
            }

            _isUnsubscribed = true;
        }

        _timers?.Dispose();
        Complete();
        Connection.Subscriptions.Remove(this);
        return default;
    }

    /// <summary>Ends it. Throws what ended it before.</summary>
    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await EndAsync().ConfigureAwait(false);
        if (Exception is { } exception)
        {
            throw exception;
        }
    }

    /// <summary>Starts its timers, and ends it with the token.</summary>
    internal void Start(CancellationToken cancellationToken)
    {
        _cancellation = cancellationToken.UnsafeRegister(static sub => ((NatsSubBase)sub!).End(NatsSubEndReason.Cancelled), this);
        _timers = _opts is null ? null : new SubscriptionTimers(_opts, End);
    }

    /// <summary>Ends it, with a drain when the connection is to drain.</summary>
    internal async ValueTask EndAsync()
    {
        if (Connection.Opts.DrainSubscriptionsOnDispose)
        {
            await DrainAsync().ConfigureAwait(false);
        }

        await UnsubscribeAsync().ConfigureAwait(false);
        await _cancellation.DisposeAsync().ConfigureAwait(false);
    }

    internal async ValueTask ReceiveAsync(Delivery delivery)
    {
        try
        {
            _timers?.OnMessage();
            if (delivery.Payload.IsEmpty && _opts is not null)
            {
                if (_opts.ThrowIfNoResponders == true && delivery.IsNoResponders)
                {
                    Fail(new NatsNoRespondersException());
                    return;
                }

                if (_opts.StopOnEmptyMsg == true)
                {
                    End(NatsSubEndReason.EmptyMsg);
                    return;
                }
            }

            await AcceptAsync(delivery).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // It ended while the message was on its way.
        }
        catch (Exception e)
        {
            Connection.Logger.DeliveryFailed(e, Subject);
            Fail(e);
        }
    }

    /// <summary>What the server must be told on a new connection.</summary>
    internal virtual void WriteReconnectCommands(ByteBuffer to) => Commands.Subscribe(to, Sid, Subject, QueueGroup, PendingMsgs);

    internal bool TryMarkSlow() => Interlocked.Exchange(ref _isSlow, 1) == 0;

    /// <summary>The application began to read; closing with a drain waits for it.</summary>
    internal void OnReaderEntered()
    {
        if (Connection.Opts.DrainSubscriptionsOnDispose)
        {
            _reader = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Connection.Subscriptions.AddReader(this);
        }
    }

    /// <summary>The application left its loop.</summary>
    internal void OnReaderExited()
    {
        if (_reader is { } reader)
        {
            reader.TrySetResult();
            Connection.Subscriptions.RemoveReader(this);
        }
    }

    /// <summary>Tells the server, delivers what it had sent by then, and waits for the application to finish it.</summary>
    private async ValueTask DrainAsync()
    {
        bool isFirst;
        lock (_gate)
        {
            isFirst = !_isUnsubscribed;
            _isUnsubscribed = true;
        }

        // Without a number the server was never told of it.
        if (isFirst && Sid != 0)
        {
            _timers?.Dispose();
            Connection.Writer.Unsubscribe(Sid);

            // Its answer comes after every message the server sent before it took the UNSUB.
            var answered = Connection.ConnectionState == NatsConnectionState.Open ? Connection.Writer.PingAsync() : Task.CompletedTask;
            await Task.WhenAny(
                answered, Task.Delay(Connection.Opts.DrainPingTimeout, CancellationToken.None)).ConfigureAwait(false);
            Connection.Subscriptions.Forget(this);
        }

        Complete();

        if (_reader is { Task.IsCompleted: false } reader && Connection.Opts.ConsumerDrainOnDisposeTimeout is { } patience)
        {
            try
            {
                await reader.Task.WaitAsync(patience).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                Connection.Logger.DrainTimedOut(Subject);
            }
        }
    }

    private protected abstract ValueTask AcceptAsync(Delivery delivery);

    /// <summary>No further message: readers see the end after what waits.</summary>
    private protected abstract void Complete();

    private protected void OnQueued(int waiting)
    {
        if (waiting <= 1)
        {
            Volatile.Write(ref _isSlow, 0);
        }

        if (_pendingMsgs > 0 && Interlocked.Decrement(ref _pendingMsgs) == 0)
        {
            End(NatsSubEndReason.MaxMsgs);
        }
    }

    private protected void Fail(Exception exception)
    {
        Volatile.Write(ref _exception, exception);
        End(NatsSubEndReason.Exception);
    }

    private protected void End(NatsSubEndReason reason)
    {
        lock (_gate)
        {
            if (_isEnded)
            {
                return;
            }

            _isEnded = true;
            EndReason = reason;
        }

        // Completes synchronously: the UNSUB is only queued.
        _ = UnsubscribeAsync();
    }
}
