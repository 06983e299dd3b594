namespace Aspire.Hosting.Dashboard;

/// <summary>The traces received last. What does not fit any more is forgotten, the oldest first.</summary>
internal sealed class TraceStore
{
    private const int MostTraces = 500;
    private const long MostBytes = 64 << 20;
    private const long MostBytesPerTrace = 8 << 20;

    private readonly Lock guard = new();
    private readonly Dictionary<string, Held> traces = [];
    private readonly Queue<Held> oldestFirst = [];
    private long bytes;

    public void Add(IEnumerable<Span> spans)
    {
        lock (guard)
        {
            foreach (var span in spans)
                Add(span);
            while (oldestFirst.Count > MostTraces || bytes > MostBytes)
                Forget(oldestFirst.Dequeue());
        }
    }

    /// <summary>The newest first.</summary>
    public IReadOnlyList<Trace> All()
    {
        lock (guard)
            return [.. oldestFirst.Reverse().Select(Copy)];
    }

    public Trace? Find(string traceId)
    {
        lock (guard)
            return traces.TryGetValue(traceId, out var held) ? Copy(held) : null;
    }

    private void Add(Span span)
    {
        if (!traces.TryGetValue(span.TraceId, out var held))
        {
            traces[span.TraceId] = held = new Held(span.TraceId);
            oldestFirst.Enqueue(held);
        }
        if (held.Bytes + span.Size > MostBytesPerTrace)
            held.Dropped++;
        else if (held.Spans.TryAdd(span.Id, span)) // An exporter that got no answer sends a span again.
        {
            held.Bytes += span.Size;
            bytes += span.Size;
        }
    }

    private void Forget(Held held)
    {
        traces.Remove(held.Id);
        bytes -= held.Bytes;
    }

    private static Trace Copy(Held held) => new(held.Id, [.. held.Spans.Values.OrderBy(s => s.Start)], held.Dropped);

    private sealed class Held(string id)
    {
        public string Id => id;
        public Dictionary<string, Span> Spans { get; } = [];
        public long Bytes { get; set; }
        public int Dropped { get; set; }
    }
}

/// <param name="Id">32 hex digits.</param>
/// <param name="Spans">By start.</param>
/// <param name="Dropped">How many more there were than are held of one trace.</param>
internal sealed record Trace(string Id, IReadOnlyList<Span> Spans, int Dropped)
{
    public long Start => Spans.Count == 0 ? 0 : Spans[0].Start;
    public long Duration => Spans.Count == 0 ? 0 : Math.Max(0, Spans.Max(s => s.End) - Start);
    public string Name => (Tops().FirstOrDefault() ?? Spans.FirstOrDefault())?.Name ?? Id;
    public bool HasError => Spans.Any(s => s.IsError);

    /// <summary>Parents before children, each with its depth. A span whose parent is not held is at the top.</summary>
    public IReadOnlyList<(Span Span, int Depth)> InOrder()
    {
        var children = Spans.Where(s => s.ParentId is not null).ToLookup(s => s.ParentId!);
        var ordered = new List<(Span, int)>(Spans.Count);
        var seen = new HashSet<Span>(ReferenceEqualityComparer.Instance);
        var open = new Stack<(Span Span, int Depth)>();
        // The second round finds those that are each other's ancestors, which no honest sender sends.
        foreach (var top in Tops().Concat(Spans))
        {
            open.Push((top, 0));
            while (open.TryPop(out var next))
            {
                if (!seen.Add(next.Span))
                    continue;
                ordered.Add(next);
                foreach (var child in children[next.Span.Id].Reverse())
                    open.Push((child, next.Depth + 1));
            }
        }
        return ordered;
    }

    private IEnumerable<Span> Tops()
    {
        var known = Spans.Select(s => s.Id).ToHashSet();
        return Spans.Where(s => s.ParentId is null || !known.Contains(s.ParentId));
    }
}
