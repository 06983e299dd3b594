using System.Runtime.CompilerServices;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

// Streams.
public partial class NatsJSContext
{
    /// <inheritdoc/>
    public async ValueTask<INatsJSStream> CreateStreamAsync(StreamConfig config, CancellationToken cancellationToken = default)
    {
        CheckStreamName(config.Name, nameof(config.Name));
        return new NatsJSStream(
            this, await RequestAsync<StreamConfig, StreamInfo>(
                $"STREAM.CREATE.{config.Name}", config, cancellationToken).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public async ValueTask<INatsJSStream> CreateOrUpdateStreamAsync(
        StreamConfig config, CancellationToken cancellationToken = default)
    {
        CheckStreamName(config.Name, nameof(config.Name));
        var (updated, error) =
            await TryRequestAsync<StreamConfig, StreamInfo>(
                $"STREAM.UPDATE.{config.Name}", config, cancellationToken).ConfigureAwait(false);
        if (error is { Code: 404 })
        {
            return await CreateStreamAsync(config, cancellationToken).ConfigureAwait(false);
        }

        return new NatsJSStream(this, updated ?? throw new NatsJSApiException(error!));
    }

    /// <inheritdoc/>
    public async ValueTask<NatsJSStream> UpdateStreamAsync(StreamConfig request, CancellationToken cancellationToken = default)
    {
        CheckStreamName(request.Name, nameof(request.Name));
        return new NatsJSStream(
            this, await RequestAsync<StreamConfig, StreamInfo>(
                $"STREAM.UPDATE.{request.Name}", request, cancellationToken).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public async ValueTask<INatsJSStream> GetStreamAsync(
        string stream, StreamInfoRequest? request = null, CancellationToken cancellationToken = default) =>
        new NatsJSStream(this, await StreamInfoAsync(stream, request, cancellationToken).ConfigureAwait(false));

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteStreamAsync(string stream, CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        return (await RequestAsync<object, SuccessResponse>(
            $"STREAM.DELETE.{stream}", null, cancellationToken).ConfigureAwait(false)).Success;
    }

    /// <inheritdoc/>
    public ValueTask<StreamPurgeResponse> PurgeStreamAsync(
        string stream, StreamPurgeRequest request, CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        return RequestAsync<StreamPurgeRequest, StreamPurgeResponse>($"STREAM.PURGE.{stream}", request, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<StreamMsgDeleteResponse> DeleteMessageAsync(
        string stream, StreamMsgDeleteRequest request, CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        return RequestAsync<StreamMsgDeleteRequest, StreamMsgDeleteResponse>(
            $"STREAM.MSG.DELETE.{stream}", request, cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<INatsJSStream> ListStreamsAsync(
        string? subject = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (var offset = 0; !cancellationToken.IsCancellationRequested;)
        {
            var page = await RequestAsync<PageRequest, StreamListResponse>(
                "STREAM.LIST", new PageRequest { Offset = offset, Subject = subject }, cancellationToken).ConfigureAwait(false);
            if (page.Streams is not { Count: > 0 } streams)
            {
                yield break;
            }

            foreach (var stream in streams)
            {
                yield return new NatsJSStream(this, stream);
            }

            offset += streams.Count;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<string> ListStreamNamesAsync(
        string? subject = default, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (var offset = 0; !cancellationToken.IsCancellationRequested;)
        {
            var page = await RequestAsync<PageRequest, StreamNamesResponse>(
                "STREAM.NAMES", new PageRequest { Offset = offset, Subject = subject }, cancellationToken).ConfigureAwait(false);
            if (page.Streams is not { Count: > 0 } streams)
            {
                yield break;
            }

            foreach (var stream in streams)
            {
                yield return stream;
            }

            offset += streams.Count;
        }
    }

    internal ValueTask<StreamInfo> StreamInfoAsync(string stream, StreamInfoRequest? request, CancellationToken cancellationToken)
    {
        CheckStreamName(stream);
        return RequestAsync<StreamInfoRequest, StreamInfo>($"STREAM.INFO.{stream}", request, cancellationToken);
    }

    private static void CheckStreamName(string? name, [CallerArgumentExpression(nameof(name))] string? parameter = null)
    {
        ArgumentNullException.ThrowIfNull(name, parameter);
        if (name.Length == 0)
        {
            throw new ArgumentException("The value cannot be an empty string.", parameter);
        }

        if (name.AsSpan().ContainsAny(' ', '.'))
        {
            throw new ArgumentException("Stream name cannot contain ' ', '.'", parameter);
        }
    }
}
