using System.Text;

namespace NATS.Client.Core;

/// <summary>
/// Collects commands while the previous ones are being sent: however many callers there are, each write to the socket carries
/// all they have queued. Commands queued while disconnected are whole and are sent on the next connection.
/// </summary>
internal sealed class CommandWriter(NatsOpts opts)
{
    /// <summary>Callers wait beyond this many unsent bytes.</summary>
    private const int PauseAt = 1024 * 1024;

    [ThreadStatic]
    private static ByteBuffer? _scratch;

    private readonly Lock _gate = new();
    private readonly AsyncSignal _work = new();
    private readonly Queue<TaskCompletionSource> _pings = new();
    private readonly Encoding _headerEncoding = opts.HeaderEncoding;
    private ByteBuffer _queued = new(opts.WriterBufferSize);
    private ByteBuffer _sending = new(opts.WriterBufferSize);
    private TaskCompletionSource? _room;
    private TaskCompletionSource? _flushed;
    private int _queuedPings;
    private bool _isSending;

    /// <summary>Queues a message; waits when too much is queued already.</summary>
    public ValueTask PublishAsync<T>(
        string subject,
        string? replyTo,
        NatsHeaders? headers,
        T? data,
        INatsSerialize<T> serializer,
        int maxPayload,
        CancellationToken cancellationToken)
    {
        // A serializer may publish in turn: it finds no scratch buffer and makes its own.
        var scratch = _scratch ?? new ByteBuffer();
        _scratch = null;
        try
        {
            var headersLength = 0;
            if (headers is not null)
            {
                HeaderFormat.Write(scratch, headers, _headerEncoding);
                headersLength = scratch.Length;
            }

            if (data is not null)
            {
                serializer.Serialize(scratch, data);
            }

            if (scratch.Length > maxPayload)
            {
                throw new NatsPayloadTooLargeException(
                    $"Payload size {scratch.Length} exceeds server's maximum payload size {maxPayload}");
            }

            var bytes = scratch.Written;
            Task? room = null;
            lock (_gate)
            {
                Commands.Publish(_queued, subject, replyTo, bytes[..headersLength], bytes[headersLength..]);
                if (_queued.Length > PauseAt)
                {
                    room = (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
                }
            }

            _work.Signal();
            return room is null ? default : new ValueTask(room.WaitAsync(cancellationToken));
        }
        finally
        {
            scratch.Reset();
            _scratch = scratch;
        }
    }

    public void Subscribe(int sid, string subject, string? queueGroup, int? maxMsgs)
    {
        lock (_gate)
        {
            Commands.Subscribe(_queued, sid, subject, queueGroup, maxMsgs);
        }

        _work.Signal();
    }

    public void Unsubscribe(int sid)
    {
        lock (_gate)
        {
            Commands.Unsubscribe(_queued, sid);
        }

        _work.Signal();
    }

    public void Pong()
    {
        lock (_gate)
        {
            Commands.Pong(_queued);
        }

        _work.Signal();
    }

    /// <summary>Sends a ping; the task completes with its answer, and is cancelled when the connection is lost.</summary>
    public Task PingAsync()
    {
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            Commands.Ping(_queued);
            _pings.Enqueue(answered);
            _queuedPings++;
        }

        _work.Signal();
        return answered.Task;
    }

    public void OnPong()
    {
        TaskCompletionSource? answered;
        lock (_gate)
        {
            _pings.TryDequeue(out answered);
        }

        answered?.TrySetResult();
    }

    /// <summary>The connection is lost: what was sent on it gets no answer any more.</summary>
    public void OnDisconnected()
    {
        lock (_gate)
        {
            while (_pings.Count > _queuedPings)
            {
                _pings.Dequeue().TrySetCanceled();
            }
        }

        _work.Signal();
    }

    /// <summary>Completes when everything queued so far is with the operating system.</summary>
    public Task FlushAsync()
    {
        lock (_gate)
        {
            if (_queued.Length == 0 && !_isSending)
            {
                return Task.CompletedTask;
            }

            return (_flushed ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>The write loop of one connection.</summary>
    public async Task RunAsync(Transport transport)
    {
        try
        {
            while (!transport.Closed.IsCompleted)
            {
                if (TakeQueued() is not { } batch)
                {
                    await _work.WaitAsync().ConfigureAwait(false);
                    continue;
                }

                await transport.WriteAsync(batch.WrittenMemory).ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            // Whatever it was, a connection that cannot send is over.
            transport.Close(e);
        }
        finally
        {
            lock (_gate)
            {
                _isSending = false;
            }
        }
    }

    private ByteBuffer? TakeQueued()
    {
        TaskCompletionSource? room;
        lock (_gate)
        {
            _sending.Reset();
            _isSending = _queued.Length > 0;
            if (!_isSending)
            {
                _flushed?.TrySetResult();
                _flushed = null;
                return null;
            }

            (_queued, _sending) = (_sending, _queued);
            _queuedPings = 0;
            room = _room;
            _room = null;
        }

        room?.TrySetResult();
        return _sending;
    }
}
