using System.Buffers;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

/// <summary>JetStream on a connection.</summary>
public partial class NatsJSContext : INatsJSContext
{
    private readonly NatsConnection _connection;
    private readonly ILogger _logger;

    /// <summary>With default options.</summary>
    public NatsJSContext(INatsConnection connection)
        : this(connection, new NatsJSOpts(connection.Opts))
    {
    }

    /// <summary>With options.</summary>
    public NatsJSContext(INatsConnection connection, NatsJSOpts opts)
    {
        _connection = connection as NatsConnection ?? throw new ArgumentException(
            "Connection must be a NatsConnection", nameof(connection));
        _logger = connection.Opts.LoggerFactory.CreateLogger<NatsJSContext>();
        Opts = opts;
    }

    /// <inheritdoc/>
    public INatsConnection Connection => _connection;

    /// <inheritdoc/>
    public NatsJSOpts Opts { get; }

    internal NatsConnection Link => _connection;

    /// <inheritdoc/>
    public ValueTask<AccountInfoResponse> GetAccountInfoAsync(CancellationToken cancellationToken = default) =>
        RequestAsync<object, AccountInfoResponse>("INFO", null, cancellationToken);

    /// <inheritdoc/>
    public string NewBaseInbox() => NatsConnection.NewInbox(_connection.Opts.InboxPrefix);

    /// <summary>A call of the API. Throws what it refuses.</summary>
    internal async ValueTask<TResponse> RequestAsync<TRequest, TResponse>(
        string api, TRequest? request, CancellationToken cancellationToken)
        where TRequest : class
        where TResponse : class
    {
        var (response, error) = await TryRequestAsync<TRequest, TResponse>(api, request, cancellationToken).ConfigureAwait(false);
        return response ?? throw new NatsJSApiException(error!);
    }

    /// <summary>A call of the API: the response, or the error.</summary>
    private async ValueTask<(TResponse? Response, ApiError? Error)> TryRequestAsync<TRequest, TResponse>(
        string api, TRequest? request, CancellationToken cancellationToken)
        where TRequest : class
        where TResponse : class
    {
        var reply = await _connection.TryRequestAsync(
            $"{Opts.Prefix}.{api}",
            request,
            null,
            ApiJson<TRequest>.Default,
            ApiReply<TResponse>.Default,
            Opts.RequestTimeout,
            cancellationToken).ConfigureAwait(false) ?? throw new NatsJSApiNoResponseException(NatsSubEndReason.Timeout);
        reply.EnsureSuccess();
        return reply.Data;
    }

    /// <summary>Reads either the error or the response.</summary>
    private sealed class ApiReply<T> : INatsDeserialize<(T? Response, ApiError? Error)>
        where T : class
    {
        public static readonly ApiReply<T> Default = new();

        public (T? Response, ApiError? Error) Deserialize(in ReadOnlySequence<byte> buffer)
        {
            using var json = JsonDocument.Parse(buffer);
            if (json.RootElement.TryGetProperty("error", out var error))
            {
                return (null, error.Deserialize(JetStreamJson.Default.ApiError));
            }

            var response = ApiJson<T>.Default.Deserialize(buffer) ?? throw new NatsJSException("Null result");
            return (response, null);
        }
    }
}
