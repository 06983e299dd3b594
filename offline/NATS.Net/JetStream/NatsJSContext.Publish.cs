using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

// Publishing.
public partial class NatsJSContext
{
    /// <inheritdoc/>
    public async ValueTask<PubAckResponse> PublishAsync<T>(
        string subject,
        T? data,
        INatsSerialize<T>? serializer = default,
        NatsJSPubOpts? opts = default,
        NatsHeaders? headers = default,
        CancellationToken cancellationToken = default)
    {
        var result = await TryPublishAsync(subject, data, serializer, opts, headers, cancellationToken).ConfigureAwait(false);
        return result.Success ? result.Value : throw result.Error;
    }

    /// <inheritdoc/>
    public async ValueTask<NatsResult<PubAckResponse>> TryPublishAsync<T>(
        string subject,
        T? data,
        INatsSerialize<T>? serializer = default,
        NatsJSPubOpts? opts = default,
        NatsHeaders? headers = default,
        CancellationToken cancellationToken = default)
    {
        opts ??= NatsJSPubOpts.Default;
        AddHeaders(opts, ref headers);
        for (var attempt = 1; attempt <= opts.RetryAttempts; attempt++)
        {
            var answer = await _connection.TryRequestAsync(
                subject, data, headers, serializer, ApiJson<PubAckResponse>.Default, Opts.RequestTimeout, cancellationToken).ConfigureAwait(false);

            // Without an answer the message may be stored: only the caller can know whether to send it again.
            if (answer is not { } reply)
            {
                break;
            }

            if (!reply.HasNoResponders)
            {
                return reply.Data is { } acknowledgement ? acknowledgement : new NatsJSException("No response data received");
            }

            _logger.PublishRetry(attempt, opts.RetryAttempts);
            await Task.Delay(opts.RetryWaitBetweenAttempts, cancellationToken).ConfigureAwait(false);
        }

        return NatsJSPublishNoResponseException.Default;
    }

    private static void AddHeaders(NatsJSPubOpts opts, ref NatsHeaders? headers)
    {
        Add("Nats-Msg-Id", opts.MsgId, ref headers);
        Add("Nats-Expected-Last-Msg-Id", opts.ExpectedLastMsgId, ref headers);
        Add("Nats-Expected-Stream", opts.ExpectedStream, ref headers);
        Add("Nats-Expected-Last-Sequence", opts.ExpectedLastSequence?.ToString(), ref headers);
        Add("Nats-Expected-Last-Subject-Sequence", opts.ExpectedLastSubjectSequence?.ToString(), ref headers);

        static void Add(string name, string? value, ref NatsHeaders? headers)
        {
            if (value is not null)
            {
                headers ??= new NatsHeaders();
                headers[name] = value;
            }
        }
    }
}
