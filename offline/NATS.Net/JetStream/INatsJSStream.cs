using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>A stream.</summary>
public interface INatsJSStream
{
    /// <summary>As it was when last asked.</summary>
    StreamInfo Info { get; }

    /// <summary>Deletes it.</summary>
    ValueTask<bool> DeleteAsync(CancellationToken cancellationToken = default);

    /// <summary>Deletes messages.</summary>
    ValueTask<StreamPurgeResponse> PurgeAsync(StreamPurgeRequest request, CancellationToken cancellationToken = default);

    /// <summary>Deletes one message.</summary>
    ValueTask<StreamMsgDeleteResponse> DeleteMessageAsync(
        StreamMsgDeleteRequest request, CancellationToken cancellationToken = default);

    /// <summary>Changes it.</summary>
    ValueTask UpdateAsync(StreamConfig request, CancellationToken cancellationToken = default);

    /// <summary>Creates a consumer, or changes it.</summary>
    ValueTask<INatsJSConsumer> CreateOrUpdateConsumerAsync(ConsumerConfig config, CancellationToken cancellationToken = default);

    /// <summary>A consumer that exists.</summary>
    ValueTask<INatsJSConsumer> GetConsumerAsync(string consumer, CancellationToken cancellationToken = default);

    /// <summary>Its consumers.</summary>
    IAsyncEnumerable<INatsJSConsumer> ListConsumersAsync(CancellationToken cancellationToken = default);

    /// <summary>The names of its consumers.</summary>
    IAsyncEnumerable<string> ListConsumerNamesAsync(CancellationToken cancellationToken = default);

    /// <summary>Deletes a consumer.</summary>
    ValueTask<bool> DeleteConsumerAsync(string consumer, CancellationToken cancellationToken = default);

    /// <summary>Asks for <see cref="Info"/> again.</summary>
    ValueTask RefreshAsync(CancellationToken cancellationToken = default);

    /// <summary>A message, from any server that has it; needs <see cref="StreamConfig.AllowDirect"/>.</summary>
    ValueTask<NatsMsg<T>> GetDirectAsync<T>(
        StreamMsgGetRequest request, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default);

    /// <summary>A message.</summary>
    ValueTask<StreamMsgGetResponse> GetAsync(StreamMsgGetRequest request, CancellationToken cancellationToken = default);
}

/// <summary>A stream.</summary>
public class NatsJSStream : INatsJSStream
{
    private readonly NatsJSContext _context;
    private readonly string _name;
    private bool _isDeleted;

    internal NatsJSStream(NatsJSContext context, StreamInfo info)
    {
        _context = context;
        Info = info;
        _name = info.Config.Name ?? throw new NatsJSException("The stream has no name");
    }

    /// <inheritdoc/>
    public StreamInfo Info { get; private set; }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(CancellationToken cancellationToken = default) =>
        _isDeleted = await Context().DeleteStreamAsync(_name, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask<StreamPurgeResponse> PurgeAsync(StreamPurgeRequest request, CancellationToken cancellationToken = default) =>
        Context().PurgeStreamAsync(_name, request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<StreamMsgDeleteResponse> DeleteMessageAsync(
        StreamMsgDeleteRequest request, CancellationToken cancellationToken = default) =>
        Context().DeleteMessageAsync(_name, request, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask UpdateAsync(StreamConfig request, CancellationToken cancellationToken = default) =>
        Info = (await Context().UpdateStreamAsync(request, cancellationToken).ConfigureAwait(false)).Info;

    /// <inheritdoc/>
    public ValueTask<INatsJSConsumer> CreateOrUpdateConsumerAsync(
        ConsumerConfig config, CancellationToken cancellationToken = default) =>
        Context().CreateOrUpdateConsumerAsync(_name, config, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<INatsJSConsumer> GetConsumerAsync(string consumer, CancellationToken cancellationToken = default) =>
        Context().GetConsumerAsync(_name, consumer, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<INatsJSConsumer> ListConsumersAsync(CancellationToken cancellationToken = default) =>
        Context().ListConsumersAsync(_name, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<string> ListConsumerNamesAsync(CancellationToken cancellationToken = default) =>
        Context().ListConsumerNamesAsync(_name, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> DeleteConsumerAsync(string consumer, CancellationToken cancellationToken = default) =>
        Context().DeleteConsumerAsync(_name, consumer, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask RefreshAsync(CancellationToken cancellationToken = default) =>
        Info = await _context.StreamInfoAsync(_name, null, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask<NatsMsg<T>> GetDirectAsync<T>(
        StreamMsgGetRequest request, INatsDeserialize<T>? serializer = default, CancellationToken cancellationToken = default) =>
        _context.Connection.RequestAsync<StreamMsgGetRequest, T>(
            $"{_context.Opts.Prefix}.DIRECT.GET.{_name}",
            request,
            requestSerializer: ApiJson<StreamMsgGetRequest>.Default,
            replySerializer: serializer,
            cancellationToken: cancellationToken);

    /// <inheritdoc/>
    public ValueTask<StreamMsgGetResponse> GetAsync(StreamMsgGetRequest request, CancellationToken cancellationToken = default) =>
        _context.RequestAsync<StreamMsgGetRequest, StreamMsgGetResponse>($"STREAM.MSG.GET.{_name}", request, cancellationToken);

    private NatsJSContext Context() => _isDeleted ? throw new NatsJSException($"Stream '{_name}' is deleted") : _context;
}
