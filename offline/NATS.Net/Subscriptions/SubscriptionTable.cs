using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace NATS.Client.Core;

/// <summary>The subscriptions of a connection, by the number the server knows them by.</summary>
internal sealed class SubscriptionTable(CommandWriter writer, string inboxSubject)
{
    /// <summary>The subscription that carries the replies to all requests.</summary>
    public const int InboxSid = 1;

    private readonly ConcurrentDictionary<int, NatsSubBase> _bySid = new();
    private readonly ConcurrentDictionary<NatsSubBase, bool> _readers = new();
    private int _lastSid = InboxSid;
    private int _hasInbox;

    public bool TryGet(int sid, [NotNullWhen(true)] out NatsSubBase? subscription) => _bySid.TryGetValue(sid, out subscription);

    public void Add(NatsSubBase subscription, int? maxMsgs)
    {
        subscription.Sid = Interlocked.Increment(ref _lastSid);
        _bySid[subscription.Sid] = subscription;
        writer.Subscribe(subscription.Sid, subscription.Subject, subscription.QueueGroup, maxMsgs);
    }

    /// <summary>Subscribes to replies with the first request.</summary>
    public void EnsureInbox()
    {
        if (Volatile.Read(ref _hasInbox) == 0 && Interlocked.Exchange(ref _hasInbox, 1) == 0)
        {
            writer.Subscribe(InboxSid, inboxSubject, null, null);
        }
    }

    public void Remove(NatsSubBase subscription)
    {
        if (_bySid.TryRemove(subscription.Sid, out _))
        {
            writer.Unsubscribe(subscription.Sid);
        }
    }

    public void Forget(NatsSubBase subscription) => _bySid.TryRemove(subscription.Sid, out _);

    public void AddReader(NatsSubBase subscription) => _readers[subscription] = true;

    public void RemoveReader(NatsSubBase subscription) => _readers.TryRemove(subscription, out _);

    /// <summary>Everything the server must be told on a new connection.</summary>
    public void WriteTo(ByteBuffer to)
    {
        if (Volatile.Read(ref _hasInbox) == 1)
        {
            Commands.Subscribe(to, InboxSid, inboxSubject, null, null);
        }

        foreach (var (_, subscription) in _bySid)
        {
            subscription.WriteReconnectCommands(to);
        }
    }

    /// <summary>Ends all, side by side; also those that ended by themselves while a reader still holds their messages.</summary>
    public Task EndAllAsync() =>
        Task.WhenAll(_bySid.Values.Concat(_readers.Keys).Distinct().Select(subscription => subscription.EndAsync().AsTask()));
}
