using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace NATS.Client.Core;

/// <summary>Calls event handlers one after another, away from the read loop.</summary>
internal sealed class ConnectionEvents
{
    private readonly Channel<Func<ValueTask>> _calls = Channel.CreateUnbounded<Func<ValueTask>>(new() { SingleReader = true });
    private readonly ILogger _logger;

    public ConnectionEvents(ILogger logger)
    {
        _logger = logger;
        _ = Task.Run(RunAsync);
    }

    public void Post<TArgs>(AsyncEventHandler<TArgs>? handlers, object sender, TArgs args)
    {
        if (handlers is null)
        {
            return;
        }

        foreach (var handler in Delegate.EnumerateInvocationList(handlers))
        {
            _calls.Writer.TryWrite(() => handler(sender, args));
        }
    }

    public void Stop() => _calls.Writer.TryComplete();

    private async Task RunAsync()
    {
        await foreach (var call in _calls.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await call().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _logger.EventHandlerFailed(e);
            }
        }
    }
}
