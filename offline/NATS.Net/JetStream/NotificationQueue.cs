using System.Threading.Channels;

namespace NATS.Client.JetStream;

/// <summary>Calls a notification handler away from the read loop; an exception of the handler ends the consumption.</summary>
internal sealed class NotificationQueue : IAsyncDisposable
{
    private readonly Channel<INatsJSNotification>? _notifications;
    private readonly Task _loop;

    public NotificationQueue(
        Func<INatsJSNotification, CancellationToken, Task>? handler, Action<Exception> failed, CancellationToken cancellationToken)
    {
        _loop = Task.CompletedTask;
        if (handler is not null)
        {
            _notifications = Channel.CreateBounded<INatsJSNotification>(
                new BoundedChannelOptions(128) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
            _loop = Task.Run(() => RunAsync(_notifications.Reader, handler, failed, cancellationToken), CancellationToken.None);
        }
    }

    public void Notify(INatsJSNotification notification) => _notifications?.Writer.TryWrite(notification);

    public async ValueTask DisposeAsync()
    {
        _notifications?.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private static async Task RunAsync(
        ChannelReader<INatsJSNotification> notifications,
        Func<INatsJSNotification, CancellationToken, Task> handler,
        Action<Exception> failed,
        CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var notification in notifications.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                try
                {
                    await handler(notification, cancellationToken).ConfigureAwait(false);
                }
                catch (Exception e)
                {
                    failed(e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The consumption was cancelled.
        }
    }
}
