using EventShop.Hosting;
using Microsoft.Extensions.Logging;
using NATS.Client.JetStream;

namespace EventShop.Messaging;

/// <summary>The one place that tells the broker what became of a message.</summary>
/// <remarks>
/// An acknowledgement that cannot be sent is logged and forgotten: the message comes again, and its effect is applied once.
/// None of these takes a cancellation token, so that stopping the service never drops the acknowledgement of finished work.
/// </remarks>
internal sealed class Settlement(string consumer, ConsumerOptions options, TimeProvider clock, ILogger log)
{
    /// <summary>How long an acknowledgement is waited for while the connection is lost. It is sent later all the same, when the connection is back.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Handled, and its effect is on disk.</summary>
    public Task AckAsync(Delivery delivery) => SendAsync(delivery, message => message.AckAsync());

    /// <summary>Still being worked on: restarts the broker's wait.</summary>
    public Task RenewAsync(Delivery delivery) => SendAsync(delivery, message => message.AckProgressAsync());

    /// <summary>Failed: to be delivered again after a pause that doubles with each attempt and is never the same for two messages.</summary>
    /// <param name="delivery">The message.</param>
    /// <param name="attempts">How many attempts, or deliveries, there have been.</param>
    /// <returns>The pause.</returns>
    public async Task<TimeSpan> RetryAsync(Delivery delivery, int attempts)
    {
        var delay = RetryDelay(attempts);
        await SendAsync(delivery, message => message.NakAsync(new AckOpts { NakDelay = delay }));
        return delay;
    }

    /// <summary>Not finished here: to be delivered to somebody else now.</summary>
    public Task ReturnAsync(Delivery delivery) => SendAsync(delivery, message => message.NakAsync());

    /// <summary>Never to be delivered again; its copy is in the dead letters.</summary>
    public Task TerminateAsync(Delivery delivery) => SendAsync(delivery, message => message.AckTerminateAsync());

    private TimeSpan RetryDelay(int attempt)
    {
        var delay = options.RetryDelay * Math.Pow(2, Math.Min(attempt - 1, 20));
        return Jitter.Around(delay < options.MaxRetryDelay ? delay : options.MaxRetryDelay);
    }

    private async Task SendAsync(Delivery delivery, Func<INatsJSMsg<byte[]>, ValueTask> acknowledge)
    {
        try
        {
            var sending = acknowledge(delivery.Message);
            if (sending.IsCompleted)
                await sending;
            else
                await sending.AsTask().WaitAsync(Patience, clock);
        }
        catch (TimeoutException)
        {
            log.SettlementDelayed(consumer, delivery.Sequence);
        }
        catch (Exception e)
        {
            log.SettlementFailed(consumer, e.Message);
        }
    }
}
