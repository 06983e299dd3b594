using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>JetStream. What the API refuses throws <see cref="NatsJSApiException"/>, except a publish.</summary>
public interface INatsJSContext
{
    /// <summary>The connection.</summary>
    INatsConnection Connection { get; }

    /// <summary>The options.</summary>
    NatsJSOpts Opts { get; }

    /// <summary>Creates a consumer, or changes it.</summary>
    ValueTask<INatsJSConsumer> CreateOrUpdateConsumerAsync(
        string stream, ConsumerConfig config, CancellationToken cancellationToken = default);

    /// <summary>Creates a consumer; one that exists must be the same (servers from 2.10).</summary>
    ValueTask<INatsJSConsumer> CreateConsumerAsync(
        string stream, ConsumerConfig config, CancellationToken cancellationToken = default);

    /// <summary>Changes a consumer, which must exist (servers from 2.10).</summary>
    ValueTask<INatsJSConsumer> UpdateConsumerAsync(
        string stream, ConsumerConfig config, CancellationToken cancellationToken = default);

    /// <summary>A consumer that exists.</summary>
    ValueTask<INatsJSConsumer> GetConsumerAsync(string stream, string consumer, CancellationToken cancellationToken = default);

    /// <summary>The consumers of a stream.</summary>
    IAsyncEnumerable<INatsJSConsumer> ListConsumersAsync(string stream, CancellationToken cancellationToken = default);

    /// <summary>The names of a stream's consumers.</summary>
    IAsyncEnumerable<string> ListConsumerNamesAsync(string stream, CancellationToken cancellationToken = default);

    /// <summary>Deletes a consumer.</summary>
    ValueTask<bool> DeleteConsumerAsync(string stream, string consumer, CancellationToken cancellationToken = default);

    /// <summary>Stops deliveries for a time (servers from 2.11).</summary>
    ValueTask<ConsumerPauseResponse> PauseConsumerAsync(
        string stream, string consumer, DateTimeOffset pauseUntil, CancellationToken cancellationToken = default);

    /// <summary>Ends a pause (servers from 2.11).</summary>
    ValueTask<bool> ResumeConsumerAsync(string stream, string consumer, CancellationToken cancellationToken = default);

    /// <summary>What the account uses.</summary>
    ValueTask<AccountInfoResponse> GetAccountInfoAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// Publishes and waits for the answer. A refusal is in <see cref="PubAckResponse.Error"/> and does not throw; without a stream,
    /// or an answer, it throws <see cref="NatsJSPublishNoResponseException"/>.
    /// </summary>
    ValueTask<PubAckResponse> PublishAsync<T>(
        string subject,
        T? data,
        INatsSerialize<T>? serializer = default,
        NatsJSPubOpts? opts = default,
        NatsHeaders? headers = default,
        CancellationToken cancellationToken = default);

    /// <summary>The same, with the exception as a value.</summary>
    ValueTask<NatsResult<PubAckResponse>> TryPublishAsync<T>(
        string subject,
        T? data,
        INatsSerialize<T>? serializer = default,
        NatsJSPubOpts? opts = default,
        NatsHeaders? headers = default,
        CancellationToken cancellationToken = default);

    /// <summary>Creates a stream; one that exists must be the same.</summary>
    ValueTask<INatsJSStream> CreateStreamAsync(StreamConfig config, CancellationToken cancellationToken = default);

    /// <summary>Changes a stream, or creates it.</summary>
    ValueTask<INatsJSStream> CreateOrUpdateStreamAsync(StreamConfig config, CancellationToken cancellationToken = default);

    /// <summary>Deletes a stream and all its messages.</summary>
    ValueTask<bool> DeleteStreamAsync(string stream, CancellationToken cancellationToken = default);

    /// <summary>Deletes messages of a stream.</summary>
    ValueTask<StreamPurgeResponse> PurgeStreamAsync(
        string stream, StreamPurgeRequest request, CancellationToken cancellationToken = default);

    /// <summary>Deletes one message.</summary>
    ValueTask<StreamMsgDeleteResponse> DeleteMessageAsync(
        string stream, StreamMsgDeleteRequest request, CancellationToken cancellationToken = default);

    /// <summary>A stream that exists.</summary>
    ValueTask<INatsJSStream> GetStreamAsync(
        string stream, StreamInfoRequest? request = null, CancellationToken cancellationToken = default);

    /// <summary>Changes a stream, which must exist.</summary>
    ValueTask<NatsJSStream> UpdateStreamAsync(StreamConfig request, CancellationToken cancellationToken = default);

    /// <summary>The streams, or those that take a subject.</summary>
    IAsyncEnumerable<INatsJSStream> ListStreamsAsync(string? subject = default, CancellationToken cancellationToken = default);

    /// <summary>The names of the streams, or of those that take a subject.</summary>
    IAsyncEnumerable<string> ListStreamNamesAsync(string? subject = default, CancellationToken cancellationToken = default);

    /// <summary>A new inbox subject.</summary>
    string NewBaseInbox();
}
