using System.Runtime.CompilerServices;

namespace NATS.Client.Core;

// Subscribing.
public partial class NatsConnection
{
    /// <inheritdoc/>
    public IAsyncEnumerable<NatsMsg<T>> SubscribeAsync<T>(
        string subject,
        string? queueGroup = default,
        INatsDeserialize<T>? serializer = default,
        NatsSubOpts? opts = default,
        CancellationToken cancellationToken = default)
    {
        // Here and not in the iterator, so that the call itself throws.
        CheckSubscription(subject, queueGroup);
        return EnumerateAsync(subject, queueGroup, serializer, opts, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<INatsSub<T>> SubscribeCoreAsync<T>(
        string subject,
        string? queueGroup = default,
        INatsDeserialize<T>? serializer = default,
        NatsSubOpts? opts = default,
        CancellationToken cancellationToken = default)
    {
        var subscription = new NatsSub<T>(
            this, subject, queueGroup, opts, serializer ?? Opts.SerializerRegistry.GetDeserializer<T>());
        await AddAsync(subscription, opts, cancellationToken).ConfigureAwait(false);
        subscription.Start(cancellationToken);
        return subscription;
    }

    /// <summary>Connects if need be and tells the server.</summary>
    internal async ValueTask AddAsync(NatsSubBase subscription, NatsSubOpts? opts, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await EnsureOpenAsync(cancellationToken).ConfigureAwait(false);
        using (NatsTelemetry.HasListeners() ? NatsTelemetry.StartSend("subscribe", this, subscription.Subject, null) : null)
        {
            _subscriptions.Add(subscription, opts?.MaxMsgs);
        }
    }

    private void CheckSubscription(string subject, string? queueGroup)
    {
        if (!Opts.SkipSubjectValidation)
        {
            SubjectRules.CheckSubject(subject);
            SubjectRules.CheckQueueGroup(queueGroup);
        }
    }

    private async IAsyncEnumerable<NatsMsg<T>> EnumerateAsync<T>(
        string subject,
        string? queueGroup,
        INatsDeserialize<T>? serializer,
        NatsSubOpts? opts,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var subscription =
            await SubscribeCoreAsync(subject, queueGroup, serializer, opts, cancellationToken).ConfigureAwait(false);

        // Cancelling completes the channel: what has arrived is still delivered.
        await foreach (var msg in subscription.Msgs.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            yield return msg;
        }
    }
}
