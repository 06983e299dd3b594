using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>A consumer.</summary>
public interface INatsJSConsumer
{
    /// <summary>As it was when last asked.</summary>
    ConsumerInfo Info { get; }

    /// <summary>
    /// Messages until cancelled, requested ahead. Cancelling ends the enumeration without an exception. Throws
    /// <see cref="NatsJSProtocolException"/> when the consumer is gone and <see cref="NatsConnectionFailedException"/>.
    /// </summary>
    IAsyncEnumerable<INatsJSMsg<T>> ConsumeAsync<T>(
        INatsDeserialize<T>? serializer = default, NatsJSConsumeOpts? opts = default, CancellationToken cancellationToken = default);

    /// <summary>The next message, or null when none comes in time.</summary>
    ValueTask<INatsJSMsg<T>?> NextAsync<T>(
        INatsDeserialize<T>? serializer = default, NatsJSNextOpts? opts = default, CancellationToken cancellationToken = default);

    /// <summary>Up to so many messages, as they come, within a time.</summary>
    IAsyncEnumerable<INatsJSMsg<T>> FetchAsync<T>(
        NatsJSFetchOpts opts, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default);

    /// <summary>Up to so many of the messages that are there.</summary>
    IAsyncEnumerable<INatsJSMsg<T>> FetchNoWaitAsync<T>(
        NatsJSFetchOpts opts, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default);

    /// <summary>Asks for <see cref="Info"/> again.</summary>
    ValueTask RefreshAsync(CancellationToken cancellationToken = default);
}
