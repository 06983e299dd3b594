using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace NATS.Client.Core;

/// <summary>The requests that wait for a reply; one subscription carries the replies to all of them.</summary>
internal sealed class PendingReplies(string prefix)
{
    private readonly ConcurrentDictionary<long, PendingReply> _byId = new();
    private readonly int _prefixLength = Encoding.UTF8.GetByteCount(prefix);
    private long _lastId;

    public PendingReply<T> Add<T>(INatsDeserialize<T> deserializer)
    {
        var id = Interlocked.Increment(ref _lastId);
        var reply = new PendingReply<T>(id, $"{prefix}{id}", deserializer);
        _byId[id] = reply;
        return reply;
    }

    /// <summary>Whoever takes a request may complete it; a reply that comes too late finds nothing.</summary>
    public bool TryTake(ReadOnlySpan<byte> subject, [NotNullWhen(true)] out PendingReply? reply)
    {
        reply = null;
        return subject.Length > _prefixLength
            && Utf8Parser.TryParse(subject[_prefixLength..], out long id, out var used)
            && used == subject.Length - _prefixLength
            && _byId.TryRemove(id, out reply);
    }

    public void Remove(PendingReply reply) => _byId.TryRemove(reply.Id, out _);
}

internal abstract class PendingReply(long id, string replyTo)
{
    public long Id { get; } = id;

    public string ReplyTo { get; } = replyTo;

    public abstract void Complete(NatsConnection connection, in Delivery delivery);
}

internal sealed class PendingReply<T>(long id, string replyTo, INatsDeserialize<T> deserializer) : PendingReply(id, replyTo)
{
    private readonly TaskCompletionSource<NatsMsg<T>> _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<NatsMsg<T>> Task => _reply.Task;

    public override void Complete(NatsConnection connection, in Delivery delivery)
    {
        try
        {
            _reply.TrySetResult(delivery.ToMsg(connection, deserializer));
        }
        catch (Exception e)
        {
            // From a filter or enricher of spans: it fails this request, not the connection.
            _reply.TrySetException(e);
        }
    }
}
