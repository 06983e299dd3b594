using System.Diagnostics;

namespace NATS.Client.Core;

// Publishing and pinging.
public partial class NatsConnection
{
    /// <inheritdoc/>
    public ValueTask PublishAsync<T>(
        string subject,
        T? data,
        NatsHeaders? headers = default,
        string? replyTo = default,
        INatsSerialize<T>? serializer = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default)
    {
        if (!Opts.SkipSubjectValidation)
        {
            SubjectRules.CheckSubject(subject);
            SubjectRules.CheckReplyTo(replyTo);
        }

        serializer ??= Opts.SerializerRegistry.GetSerializer<T>();
        if (!NatsTelemetry.HasListeners())
        {
            return SendAsync(subject, data, headers, replyTo, serializer, cancellationToken);
        }

        using var activity = NatsTelemetry.StartSend("publish", this, subject, replyTo);
        NatsTelemetry.Inject(activity, ref headers);
        try
        {
            return SendAsync(subject, data, headers, replyTo, serializer, cancellationToken);
        }
        catch (Exception e)
        {
            NatsTelemetry.SetException(activity, e);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask PublishAsync(
        string subject,
        NatsHeaders? headers = default,
        string? replyTo = default,
        NatsPubOpts? opts = default,
        CancellationToken cancellationToken = default) =>
        PublishAsync<byte[]>(subject, null, headers, replyTo, NatsRawSerializer<byte[]>.Default, opts, cancellationToken);

    /// <inheritdoc/>
    public ValueTask PublishAsync<T>(
        in NatsMsg<T> msg, INatsSerialize<T>? serializer = default, NatsPubOpts? opts = default, CancellationToken cancellationToken = default) =>
        PublishAsync(msg.Subject, msg.Data, msg.Headers, msg.ReplyTo, serializer, opts, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<TimeSpan> PingAsync(CancellationToken cancellationToken = default)
    {
        await EnsureOpenAsync(cancellationToken).ConfigureAwait(false);
        var started = Stopwatch.GetTimestamp();
        await _writer.PingAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(started);
    }

    internal ValueTask EnsureOpenAsync(CancellationToken cancellationToken) =>
        _state == NatsConnectionState.Open ? default : new(ConnectAsync().AsTask().WaitAsync(cancellationToken));

    private ValueTask SendAsync<T>(
        string subject, T? data, NatsHeaders? headers, string? replyTo, INatsSerialize<T> serializer, CancellationToken cancellationToken)
    {
        headers?.SetReadOnly();
        return _state == NatsConnectionState.Open
            ? _writer.PublishAsync(subject, replyTo, headers, data, serializer, _serverInfo!.MaxPayload, cancellationToken)
            : ConnectAndSendAsync(subject, data, headers, replyTo, serializer, cancellationToken);
    }

    private async ValueTask ConnectAndSendAsync<T>(
        string subject, T? data, NatsHeaders? headers, string? replyTo, INatsSerialize<T> serializer, CancellationToken cancellationToken)
    {
        if (Opts.PublishTimeoutOnDisconnected)
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(Opts.CommandTimeout);
            await EnsureOpenAsync(timeout.Token).ConfigureAwait(false);
        }
        else
        {
            await EnsureOpenAsync(cancellationToken).ConfigureAwait(false);
        }

        await _writer.PublishAsync(
            subject, replyTo, headers, data, serializer, _serverInfo!.MaxPayload, cancellationToken).ConfigureAwait(false);
    }
}
