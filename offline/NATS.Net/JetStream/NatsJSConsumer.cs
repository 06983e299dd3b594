using System.Runtime.CompilerServices;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>A consumer.</summary>
public class NatsJSConsumer : INatsJSConsumer
{
    internal NatsJSConsumer(NatsJSContext context, ConsumerInfo info)
    {
        Context = context;
        Info = info;
        PullSubject = $"{context.Opts.Prefix}.CONSUMER.MSG.NEXT.{info.StreamName}.{info.Name}";
    }

    /// <inheritdoc/>
    public ConsumerInfo Info { get; private set; }

    internal NatsJSContext Context { get; }

    internal string PullSubject { get; }

    /// <inheritdoc/>
    public IAsyncEnumerable<INatsJSMsg<T>> ConsumeAsync<T>(
        INatsDeserialize<T>? serializer = default, NatsJSConsumeOpts? opts = default, CancellationToken cancellationToken = default) =>
        ReadAsync(
            ct =>
            {
                var consume = opts ?? Context.Opts.DefaultConsumeOpts;
                var limits = new PullLimits(
                    consume.MaxMsgs, consume.MaxBytes, consume.Expires, consume.IdleHeartbeat, consume.ThresholdMsgs, consume.ThresholdBytes);
                var request = limits.Request(limits.MaxMsgs, limits.MaxBytes);
                return (new ConsumeSubscription<T>(this, limits, serializer, consume, ct), request);
            },
            cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<INatsJSMsg<T>?> NextAsync<T>(
        INatsDeserialize<T>? serializer = default, NatsJSNextOpts? opts = default, CancellationToken cancellationToken = default)
    {
        opts ??= Context.Opts.DefaultNextOpts;
        var fetch = new NatsJSFetchOpts
        {
            MaxMsgs = 1,
            Expires = opts.Expires,
            IdleHeartbeat = opts.IdleHeartbeat,
            NotificationHandler = opts.NotificationHandler,
        };
        await foreach (var msg in FetchAsync(fetch, serializer, cancellationToken).ConfigureAwait(false))
        {
            return msg;
        }

        cancellationToken.ThrowIfCancellationRequested();
        return null;
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<INatsJSMsg<T>> FetchAsync<T>(
        NatsJSFetchOpts opts, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        ReadAsync(
            ct =>
            {
                var limits = new PullLimits(opts.MaxMsgs, opts.MaxBytes, opts.Expires, opts.IdleHeartbeat);
                var request = limits.Request(limits.MaxMsgs, limits.MaxBytes);
                return (new FetchSubscription<T>(this, limits, serializer, opts, ct), request);
            },
            cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<INatsJSMsg<T>> FetchNoWaitAsync<T>(
        NatsJSFetchOpts opts,
        INatsDeserialize<T>? serializer = default,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var msgs = ReadAsync(
            ct =>
            {
                var limits = new PullLimits(opts.MaxMsgs, opts.MaxBytes, opts.Expires, opts.IdleHeartbeat);
                var request = new PullRequest { Batch = limits.MaxMsgs, MaxBytes = limits.MaxBytes, NoWait = true };
                return (new FetchSubscription<T>(this, limits, serializer, opts, ct), request);
            },
            cancellationToken);
        await foreach (var msg in msgs.ConfigureAwait(false))
        {
            yield return msg;
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <inheritdoc/>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken = default) =>
        Info = await Context.ConsumerInfoAsync(Info.StreamName, Info.Name, cancellationToken).ConfigureAwait(false);

    /// <summary>Deletes it.</summary>
    public ValueTask<bool> DeleteAsync(CancellationToken cancellationToken = default) =>
        Context.DeleteConsumerAsync(Info.StreamName, Info.Name, cancellationToken);

    /// <summary>
    /// Subscribes when the enumeration starts, and hands out messages until the subscription ends or is cancelled.
    /// </summary>
    private static async IAsyncEnumerable<INatsJSMsg<T>> ReadAsync<T>(
        Func<CancellationToken, (PullSubscription<T> Subscription, PullRequest Request)> create,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var (pulls, request) = create(cancellationToken);
        await using var subscription = pulls;
        await pulls.StartAsync(request, cancellationToken).ConfigureAwait(false);
        pulls.OnReaderEntered();
        try
        {
            while (await HasMoreAsync(pulls, cancellationToken).ConfigureAwait(false))
            {
                while (!cancellationToken.IsCancellationRequested && pulls.Msgs.TryRead(out var msg))
                {
                    // While the application works the server owes no sign of life.
                    pulls.Heartbeat.Stop();
                    yield return msg;
                    pulls.Heartbeat.Reset();
                    pulls.OnProcessed(msg);
                }
            }
        }
        finally
        {
            pulls.OnReaderExited();
        }
    }

    private static async ValueTask<bool> HasMoreAsync<T>(PullSubscription<T> pulls, CancellationToken cancellationToken)
    {
        try
        {
            return !cancellationToken.IsCancellationRequested
                && await pulls.Msgs.WaitToReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
