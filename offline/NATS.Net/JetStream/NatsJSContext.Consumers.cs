using System.Runtime.CompilerServices;
using NATS.Client.JetStream.Models;

namespace NATS.Client.JetStream;

// Consumers.
public partial class NatsJSContext
{
    /// <inheritdoc/>
    public ValueTask<INatsJSConsumer> CreateOrUpdateConsumerAsync(
        string stream, ConsumerConfig config, CancellationToken cancellationToken = default) =>
        CreateConsumerAsync(stream, config, ConsumerCreateAction.CreateOrUpdate, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<INatsJSConsumer> CreateConsumerAsync(
        string stream, ConsumerConfig config, CancellationToken cancellationToken = default) =>
        CreateConsumerAsync(stream, config, ConsumerCreateAction.Create, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<INatsJSConsumer> UpdateConsumerAsync(
        string stream, ConsumerConfig config, CancellationToken cancellationToken = default) =>
        CreateConsumerAsync(stream, config, ConsumerCreateAction.Update, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<INatsJSConsumer> GetConsumerAsync(
        string stream, string consumer, CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        return new NatsJSConsumer(this, await ConsumerInfoAsync(stream, consumer, cancellationToken).ConfigureAwait(false));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<INatsJSConsumer> ListConsumersAsync(
        string stream, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        for (var offset = 0; !cancellationToken.IsCancellationRequested;)
        {
            var page = await RequestAsync<PageRequest, ConsumerListResponse>(
                $"CONSUMER.LIST.{stream}", new PageRequest { Offset = offset }, cancellationToken).ConfigureAwait(false);
            if (page.Consumers is not { Count: > 0 } consumers)
            {
                yield break;
            }

            foreach (var consumer in consumers)
            {
                yield return new NatsJSConsumer(this, consumer);
            }

            offset += consumers.Count;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<string> ListConsumerNamesAsync(
        string stream, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        for (var offset = 0; !cancellationToken.IsCancellationRequested;)
        {
            var page = await RequestAsync<PageRequest, ConsumerNamesResponse>(
                $"CONSUMER.NAMES.{stream}", new PageRequest { Offset = offset }, cancellationToken).ConfigureAwait(false);
            if (page.Consumers is not { Count: > 0 } consumers)
            {
                yield break;
            }

            foreach (var consumer in consumers)
            {
                yield return consumer;
            }

            offset += consumers.Count;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteConsumerAsync(
        string stream, string consumer, CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        return (await RequestAsync<object, SuccessResponse>(
            $"CONSUMER.DELETE.{stream}.{consumer}", null, cancellationToken).ConfigureAwait(false)).Success;
    }

    /// <inheritdoc/>
    public ValueTask<ConsumerPauseResponse> PauseConsumerAsync(
        string stream, string consumer, DateTimeOffset pauseUntil, CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        return RequestAsync<ConsumerPauseRequest, ConsumerPauseResponse>(
            $"CONSUMER.PAUSE.{stream}.{consumer}", new ConsumerPauseRequest { PauseUntil = pauseUntil }, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> ResumeConsumerAsync(
        string stream, string consumer, CancellationToken cancellationToken = default)
    {
        CheckStreamName(stream);
        var response = await RequestAsync<object, ConsumerPauseResponse>(
            $"CONSUMER.PAUSE.{stream}.{consumer}", null, cancellationToken).ConfigureAwait(false);
        return !response.IsPaused;
    }

    internal ValueTask<ConsumerInfo> ConsumerInfoAsync(string stream, string consumer, CancellationToken cancellationToken) =>
        RequestAsync<object, ConsumerInfo>($"CONSUMER.INFO.{stream}.{consumer}", null, cancellationToken);

    private async ValueTask<INatsJSConsumer> CreateConsumerAsync(
        string stream, ConsumerConfig config, ConsumerCreateAction action, CancellationToken cancellationToken)
    {
        CheckStreamName(stream);
        var name = string.IsNullOrWhiteSpace(config.Name) ? config.DurableName : config.Name;
        if (name is not null && name.AsSpan().ContainsAny('.', '*', '>'))
        {
            throw new ArgumentException("Consumer name cannot contain '.', '*', '>'", nameof(config));
        }

        var api = $"CONSUMER.CREATE.{stream}";
        if (!string.IsNullOrWhiteSpace(name))
        {
            api += $".{name}";
        }

        if (!string.IsNullOrWhiteSpace(config.FilterSubject))
        {
            api += $".{config.FilterSubject}";
        }

        var request = new ConsumerCreateRequest { StreamName = stream, Config = config, Action = action };
        return new NatsJSConsumer(
            this, await RequestAsync<ConsumerCreateRequest, ConsumerInfo>(api, request, cancellationToken).ConfigureAwait(false));
    }
}
