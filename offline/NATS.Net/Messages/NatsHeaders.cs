using System.Collections;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Primitives;

namespace NATS.Client.Core;

/// <summary>Headers of a message: names without regard to case, each with one value or more. Read-only once published.</summary>
public class NatsHeaders : IDictionary<string, StringValues>
{
    private readonly Dictionary<string, StringValues> _values;
    private int _readOnly;

    /// <summary>No headers yet.</summary>
    public NatsHeaders() => _values = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>With these headers.</summary>
    public NatsHeaders(Dictionary<string, StringValues>? store) => _values = store ?? new(StringComparer.OrdinalIgnoreCase);

    /// <summary>With room for so many.</summary>
    public NatsHeaders(int capacity) => _values = new(capacity, StringComparer.OrdinalIgnoreCase);

    /// <summary>Well-known texts of a status line.</summary>
    public enum Messages
    {
        /// <summary>Another text; see <see cref="MessageText"/>.</summary>
        Text,

        /// <summary>Idle Heartbeat.</summary>
        IdleHeartbeat,

        /// <summary>Bad Request.</summary>
        BadRequest,

        /// <summary>Consumer Deleted.</summary>
        ConsumerDeleted,

        /// <summary>Consumer is push based.</summary>
        ConsumerIsPushBased,

        /// <summary>No Messages.</summary>
        NoMessages,

        /// <summary>Request Timeout.</summary>
        RequestTimeout,

        /// <summary>Message Size Exceeds MaxBytes.</summary>
        MessageSizeExceedsMaxBytes,

        /// <summary>Requests Pending.</summary>
        RequestsPending,
    }

    /// <summary>The version of the format.</summary>
    public int Version => 1;

    /// <summary>The status code, 0 without one.</summary>
    public int Code { get; internal set; }

    /// <summary>The status text.</summary>
    public string MessageText { get; internal set; } = "";

    /// <summary>The status text, when it is well known.</summary>
    public Messages Message { get; internal set; } = Messages.Text;

    /// <summary>What was wrong with the message, when its headers or its data could not be read.</summary>
    public NatsException? Error { get; internal set; }

    /// <inheritdoc/>
    public int Count => _values.Count;

    /// <inheritdoc/>
    public bool IsReadOnly => Volatile.Read(ref _readOnly) == 1;

    /// <inheritdoc/>
    public ICollection<string> Keys => _values.Keys;

    /// <inheritdoc/>
    public ICollection<StringValues> Values => _values.Values;

    /// <summary>The span of this message's receipt.</summary>
    internal Activity? Activity { get; set; }

    /// <summary>Empty when absent; setting an empty value removes the header.</summary>
    public StringValues this[string key]
    {
        get => _values.TryGetValue(key, out var value) ? value : StringValues.Empty;
        set
        {
            ArgumentNullException.ThrowIfNull(key);
            ThrowIfReadOnly();
            Overwrite(key, value);
        }
    }

    /// <inheritdoc/>
    public void Add(KeyValuePair<string, StringValues> item) => Add(item.Key, item.Value);

    /// <inheritdoc/>
    public void Add(string key, StringValues value)
    {
        ThrowIfReadOnly();
        _values.Add(key, value);
    }

    /// <inheritdoc/>
    public void Clear()
    {
        ThrowIfReadOnly();
        _values.Clear();
    }

    /// <inheritdoc/>
    public bool Contains(KeyValuePair<string, StringValues> item) =>
        _values.TryGetValue(item.Key, out var value) && StringValues.Equals(value, item.Value);

    /// <inheritdoc/>
    public bool ContainsKey(string key) => _values.ContainsKey(key);

    /// <inheritdoc/>
    public void CopyTo(KeyValuePair<string, StringValues>[] array, int arrayIndex) =>
        ((ICollection<KeyValuePair<string, StringValues>>)_values).CopyTo(array, arrayIndex);

    /// <inheritdoc/>
    public bool Remove(KeyValuePair<string, StringValues> item)
    {
        ThrowIfReadOnly();
        return Contains(item) && _values.Remove(item.Key);
    }

    /// <inheritdoc/>
    public bool Remove(string key)
    {
        ThrowIfReadOnly();
        return _values.Remove(key);
    }

    /// <inheritdoc/>
    public bool TryGetValue(string key, out StringValues value) => _values.TryGetValue(key, out value);

    /// <summary>The last of a header's values.</summary>
    public bool TryGetLastValue(string key, [NotNullWhen(true)] out string? value)
    {
        value = _values.TryGetValue(key, out var values) && values.Count > 0 ? values[^1] : null;
        return value is not null;
    }

    /// <summary>Enumerates without allocating.</summary>
    public Dictionary<string, StringValues>.Enumerator GetEnumerator() => _values.GetEnumerator();

    IEnumerator<KeyValuePair<string, StringValues>> IEnumerable<KeyValuePair<string, StringValues>>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void SetReadOnly() => Volatile.Write(ref _readOnly, 1);

    /// <summary>Sets a header even on read-only ones: a retried publish carries its own trace context.</summary>
    internal void Overwrite(string key, StringValues value)
    {
        if (value.Count == 0)
        {
            _values.Remove(key);
        }
        else
        {
            _values[key] = value;
        }
    }

    private void ThrowIfReadOnly()
    {
        if (IsReadOnly)
        {
            throw new InvalidOperationException("The headers cannot be modified because they have been published or received.");
        }
    }
}
