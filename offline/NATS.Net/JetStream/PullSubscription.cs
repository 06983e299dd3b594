using System.Threading.Channels;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>
/// An inbox that pull requests are answered on: messages, and status messages of the server about the requests.
/// </summary>
internal abstract class PullSubscription<T> : NatsSubBase
{
    private static readonly string[] TerminalConflicts =
        ["Exceeded MaxRequestBatch", "Exceeded MaxRequestExpires", "Exceeded MaxRequestMaxBytes", "Consumer is push based", "Exceeded MaxWaiting"];

    private readonly NatsJSContext _context;
    private readonly INatsDeserialize<T> _deserializer;
    private readonly string _pullSubject;

    protected PullSubscription(
        NatsJSConsumer consumer,
        PullLimits limits,
        INatsDeserialize<T>? deserializer,
        Func<INatsJSNotification, CancellationToken, Task>? notificationHandler,
        CancellationToken cancellationToken)
        : base(consumer.Context.Link, consumer.Context.NewBaseInbox(), null, null)
    {
        _context = consumer.Context;
        _deserializer = deserializer ?? Connection.Opts.SerializerRegistry.GetDeserializer<T>();
        _pullSubject = consumer.PullSubject;
        Limits = limits;
        Queue = new MsgChannel<ConsumerMsg<T>>(
            Connection.Opts, new NatsSubChannelOpts { Capacity = limits.ChannelCapacity }, static msg => msg.Headers, OnDropped);
        Notifications = new NotificationQueue(notificationHandler, Queue.Complete, cancellationToken);
        Heartbeat = new Heartbeat(limits.IdleHeartbeat * 2, OnHeartbeatMissed);
    }

    public ChannelReader<ConsumerMsg<T>> Msgs => Queue;

    public Heartbeat Heartbeat { get; }

    protected PullLimits Limits { get; }

    protected MsgChannel<ConsumerMsg<T>> Queue { get; }

    protected NotificationQueue Notifications { get; }

    /// <summary>Subscribes and sends the first request.</summary>
    public async ValueTask StartAsync(PullRequest request, CancellationToken cancellationToken)
    {
        await Connection.AddAsync(this, null, cancellationToken).ConfigureAwait(false);
        await PullAsync(request, cancellationToken).ConfigureAwait(false);
        Heartbeat.Reset();
    }

    public override async ValueTask DisposeAsync()
    {
        try
        {
            await base.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            Heartbeat.Dispose();
            await Notifications.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The message is the application's last read; it has come back for the next.</summary>
    public abstract void OnProcessed(ConsumerMsg<T> msg);

    private protected sealed override async ValueTask AcceptAsync(Delivery delivery)
    {
        Heartbeat.Reset();
        if (delivery.Subject == Subject)
        {
            if (!delivery.HasHeaders)
            {
                throw new NatsJSException("No header found");
            }

            var status = delivery.ParseHeaders(Connection.Opts.HeaderEncoding);
            if (status.Error is { } error)
            {
                throw new NatsJSException("Can't parse headers", error);
            }

            OnStatus(status);
            return;
        }

        var msg = new ConsumerMsg<T>(_context, delivery.ToMsg(Connection, _deserializer));
        await Queue.WriteAsync(msg).ConfigureAwait(false);
        OnQueued(Queue.Count);
        OnMessage(msg);
    }

    private protected override void Complete() => Queue.Complete();

    protected abstract void OnMessage(ConsumerMsg<T> msg);

    protected abstract void OnStatus(NatsHeaders status);

    protected abstract void OnHeartbeatMissed();

    protected ValueTask PullAsync(PullRequest request, CancellationToken cancellationToken) =>
        Connection.PublishAsync(
            _pullSubject, request, replyTo: Subject, serializer: ApiJson<PullRequest>.Default, cancellationToken: cancellationToken);

    /// <summary>A request among the first commands of a new connection.</summary>
    protected void WritePull(ByteBuffer to, PullRequest request)
    {
        var json = new ByteBuffer(256);
        ApiJson<PullRequest>.Default.Serialize(json, request);
        Commands.Publish(to, _pullSubject, Subject, default, json.Written);
    }

    /// <summary>Ends with an exception for statuses no further request would change; otherwise notifies.</summary>
    protected void OnOtherStatus(NatsHeaders status)
    {
        if (IsTerminal(status))
        {
            Queue.Complete(new NatsJSProtocolException(status.Code, status.Message, status.MessageText));
            End(NatsSubEndReason.JetStreamError);
            return;
        }

        Connection.Logger.UnhandledStatus(status.Code, status.MessageText);
        Notifications.Notify(new NatsJSProtocolNotification("Unhandled protocol message", status.Code, status.MessageText));
    }

    private static bool IsTerminal(NatsHeaders status) => status.Code switch
    {
        400 or 404 => true,
        409 => status.Message is NatsHeaders.Messages.ConsumerDeleted or NatsHeaders.Messages.ConsumerIsPushBased
            || TerminalConflicts.Any(text => status.MessageText.StartsWith(text, StringComparison.OrdinalIgnoreCase)),
        _ => false,
    };

    private void OnDropped(ConsumerMsg<T> msg) => Connection.OnMessageDropped(this, Queue.Count, msg.Msg);
}
