using System.Collections;
using System.Diagnostics.CodeAnalysis;
using NATS.Client.Core;

namespace EventShop.Messaging;

/// <summary>A message's headers, of each the last value. Nothing is copied: most handlers never look.</summary>
internal sealed class HeaderView(NatsHeaders? headers) : IReadOnlyDictionary<string, string>
{
    private readonly NatsHeaders _headers = headers ?? [];

    public IEnumerable<string> Keys => _headers.Keys;

    public IEnumerable<string> Values => _headers.Keys.Select(key => this[key]);

    public int Count => _headers.Count;

    public string this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"There is no header {key}.");

    public bool ContainsKey(string key) => _headers.ContainsKey(key);

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value) => _headers.TryGetLastValue(key, out value);

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() =>
        _headers.Keys.Select(key => KeyValuePair.Create(key, this[key])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
