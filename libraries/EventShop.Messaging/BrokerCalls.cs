using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>
/// The one place in which somebody who waits for an answer over HTTP calls the broker: in time, or not at all. The client by itself waits for
/// a lost connection to come back, and then for as long again.
/// </summary>
internal sealed class BrokerCalls(INatsConnection connection)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1.5);

    /// <exception cref="NatsException">The broker is away, or did not answer in time, or answered with an error.</exception>
    public async Task<TResult> CallAsync<TResult>(Func<CancellationToken, ValueTask<TResult>> call, CancellationToken cancellationToken)
    {
        if (connection.ConnectionState is not NatsConnectionState.Open)
            throw new NatsException("the broker is not connected");
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limited.CancelAfter(Limit);
        try
        {
            return await call(limited.Token).AsTask().WaitAsync(limited.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NatsException($"the broker did not answer within {Limit.TotalSeconds} s");
        }
    }
}
