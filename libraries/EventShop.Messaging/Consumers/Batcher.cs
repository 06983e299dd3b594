namespace EventShop.Messaging;

/// <summary>
/// Collects the events that workers have in hand while the batch before is handled, as a group commit does with writes. Each worker waits for its own.
/// </summary>
/// <param name="handle">Handles a batch.</param>
/// <param name="maxSize">The most events in one.</param>
internal sealed class Batcher<TEvent>(Func<IReadOnlyList<BatchItem<TEvent>>, CancellationToken, Task> handle, int maxSize)
{
    private sealed record Pending(BatchItem<TEvent> Item, CancellationToken Cancelled)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private readonly Lock _lock = new();
    private readonly Queue<Pending> _waiting = new();
    private bool _isRunning;

    /// <summary>Completes when a batch with this event has been handled.</summary>
    public Task HandleAsync(TEvent message, MessageContext context, CancellationToken cancellationToken)
    {
        var pending = new Pending(new(message, context), cancellationToken);
        lock (_lock)
        {
            _waiting.Enqueue(pending);
            if (!_isRunning)
            {
                _isRunning = true;
                // It goes on for others, whose traces it is no part of.
                using (ExecutionContext.SuppressFlow())
                    _ = Task.Run(RunAsync, CancellationToken.None);
            }
        }
        return pending.Done.Task;
    }

    private async Task RunAsync()
    {
        while (Take() is { Length: > 0 } batch)
            await HandleAsync(batch);
    }

    private Pending[] Take()
    {
        lock (_lock)
        {
            var batch = new List<Pending>(Math.Min(maxSize, _waiting.Count));
            while (batch.Count < maxSize && _waiting.TryDequeue(out var pending))
                // Whoever was cut off meanwhile no longer waits: its message is handled when it comes again.
                if (pending.Cancelled.IsCancellationRequested)
                    pending.Done.SetCanceled(pending.Cancelled);
                else
                    batch.Add(pending);
            _isRunning = batch.Count > 0;
            return [.. batch];
        }
    }

    private async Task HandleAsync(Pending[] batch)
    {
        if (batch is [var only] && only.Cancelled.IsCancellationRequested)
        {
            only.Done.SetCanceled(only.Cancelled);
            return;
        }
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource([.. batch.Select(pending => pending.Cancelled)]);
        try
        {
            // One that does not listen is left behind: those after it must not wait for it.
            await handle([.. batch.Select(pending => pending.Item)], cancelled.Token).WaitAsync(cancelled.Token);
        }
        catch (Exception) when (batch.Length > 1)
        {
            foreach (var pending in batch)
                // Failed by the handler before it threw: that is known already.
                if (pending.Item.Failure is null)
                    await HandleAsync([pending]);
                else
                    Complete(pending);
            return;
        }
        catch (Exception e)
        {
            batch[0].Done.SetException(e);
            return;
        }
        foreach (var pending in batch)
            Complete(pending);
    }

    private static void Complete(Pending pending)
    {
        if (pending.Item.Failure is { } failure)
            pending.Done.SetException(failure);
        else
            pending.Done.SetResult();
    }
}
