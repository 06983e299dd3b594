namespace NATS.Client.Core;

// Request and reply.
public partial class NatsConnection
{
    /// <inheritdoc/>
    public async ValueTask<NatsMsg<TReply>> RequestAsync<TRequest, TReply>(
        string subject,
        TRequest? data,
        NatsHeaders? headers = default,
        INatsSerialize<TRequest>? requestSerializer = default,
        INatsDeserialize<TReply>? replySerializer = default,
        NatsPubOpts? requestOpts = default,
        NatsSubOpts? replyOpts = default,
        CancellationToken cancellationToken = default)
    {
        if (!Opts.SkipSubjectValidation)
        {
            SubjectRules.CheckSubject(subject);
        }

        using var activity = NatsTelemetry.HasListeners() ? NatsTelemetry.StartSend("request", this, subject, null) : null;
        try
        {
            var reply = await TryRequestAsync(
                subject, data, headers, requestSerializer, replySerializer, replyOpts?.Timeout ?? Opts.RequestTimeout, cancellationToken).ConfigureAwait(false)
                ?? throw new NatsNoReplyException();
            var isThrown = Opts.RequestReplyMode == NatsRequestReplyMode.SharedInbox && replyOpts?.ThrowIfNoResponders != false;
            return reply.HasNoResponders && isThrown ? throw new NatsNoRespondersException() : reply;
        }
        catch (Exception e)
        {
            NatsTelemetry.SetException(activity, e);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<NatsMsg<TReply>> RequestAsync<TReply>(
        string subject,
        INatsDeserialize<TReply>? replySerializer = default,
        NatsSubOpts? replyOpts = default,
        CancellationToken cancellationToken = default) =>
        RequestAsync<byte[], TReply>(
            subject, null, null, NatsRawSerializer<byte[]>.Default, replySerializer, null, replyOpts, cancellationToken);

    /// <summary>One request; null when no reply came in time. No responders are a message like any other.</summary>
    internal async ValueTask<NatsMsg<TReply>?> TryRequestAsync<TRequest, TReply>(
        string subject,
        TRequest? data,
        NatsHeaders? headers,
        INatsSerialize<TRequest>? requestSerializer,
        INatsDeserialize<TReply>? replySerializer,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        var pending = _replies.Add(replySerializer ?? Opts.SerializerRegistry.GetDeserializer<TReply>());
        try
        {
            await EnsureOpenAsync(cancellationToken).ConfigureAwait(false);
            using (NatsTelemetry.HasListeners() ? NatsTelemetry.StartSend("subscribe", this, pending.ReplyTo, null) : null)
            {
                _subscriptions.EnsureInbox();
            }

            await PublishAsync(
                subject, data, headers, pending.ReplyTo, requestSerializer, null, cancellationToken).ConfigureAwait(false);
            return await ReplyOrNullAsync(pending.Task, timeout, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _replies.Remove(pending);
        }
    }

    private static async ValueTask<NatsMsg<T>?> ReplyOrNullAsync<T>(
        Task<NatsMsg<T>> pending, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await pending.WaitAsync(Waitable(timeout), cancellationToken).ConfigureAwait(false);
            NatsTelemetry.EndReceive(reply.Headers);
            return reply;
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private static TimeSpan Waitable(TimeSpan timeout) => timeout == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : timeout;
}
