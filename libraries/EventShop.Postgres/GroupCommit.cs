using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Npgsql;

namespace EventShop.Postgres;

/// <summary>
/// Collects the writes of concurrent callers for as long as the previous commit takes, commits them together, and answers each
/// caller after that commit.
/// </summary>
/// <remarks>
/// A group holds at most one write per key: a second one waits for the next group, so writes to one aggregate apply in order.
/// A write that the database refuses fails its own caller alone: its group is split until it stands by itself. When a commit got no answer in time,
/// those who queued behind it fail with it: they have waited as long.
/// </remarks>
public sealed class GroupCommit<TWrite, TResult> : IAsyncDisposable
{
    /// <summary>Commits one group in one transaction.</summary>
    /// <returns>One result per write, in the order of the writes.</returns>
    public delegate Task<IReadOnlyList<TResult>> Commit(IReadOnlyList<TWrite> writes, CancellationToken cancellationToken);

    private sealed record Pending(TWrite Write, long EnqueuedAt)
    {
        public TaskCompletionSource<TResult> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Null where the caller is not recorded.</summary>
        public Activity? Span { get; init; }
    }

    private const int DeadlockRetries = 3;
    private static readonly TimeSpan DisposeLimit = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(1);

    private readonly Channel<Pending> _queue;
    private readonly Func<TWrite, Guid> _key;
    private readonly Commit _commit;
    private readonly int _maxGroup;
    private readonly TimeSpan _linger;
    private readonly string _group;
    private readonly KeyValuePair<string, object?> _name;
    private readonly Task _loop;

    /// <param name="name">Names the writes in the metrics, for example <c>orders.place</c>.</param>
    /// <param name="key">The aggregate a write belongs to.</param>
    /// <param name="commit">Commits a group.</param>
    /// <param name="maxGroup">The most writes in one transaction.</param>
    /// <param name="capacity">The most writes waiting; beyond that callers are refused at once.</param>
    /// <param name="linger">How long a group waits for more before it is committed, where nobody waits for its commit.</param>
    public GroupCommit(string name, Func<TWrite, Guid> key, Commit commit, int maxGroup = 512, int capacity = 8192, TimeSpan linger = default)
    {
        (_key, _commit, _maxGroup, _linger, _group, _name) = (key, commit, maxGroup, linger, name, new(PostgresTelemetry.GroupName, name));
        _queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(capacity) { SingleReader = true });
        // Made by the first request, perhaps: the groups to come are not part of its trace.
        using (ExecutionContext.SuppressFlow())
            _loop = Task.Run(CommitGroupsAsync);
    }

    /// <summary>Completes when the write is on disk.</summary>
    /// <exception cref="OverloadedException">Too many writes are waiting.</exception>
    /// <exception cref="NpgsqlException">The write was refused, or the database failed and it is not known whether it was stored.</exception>
    public Task<TResult> WriteAsync(TWrite write) =>
        Activity.Current is { Recorded: true } ? WriteRecordedAsync(write) : EnqueueAsync(new(write, Stopwatch.GetTimestamp()));

    /// <summary>
    /// Takes no more writes, and returns when those waiting have been committed. A database that does not answer is not waited for: then it is
    /// not known whether they were stored.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop.WaitAsync(DisposeLimit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<TResult> WriteRecordedAsync(TWrite write)
    {
        using var span = PostgresTelemetry.StartCommit(_group);
        try
        {
            return await EnqueueAsync(new(write, Stopwatch.GetTimestamp()) { Span = span });
        }
        catch (Exception e)
        {
            span.SetFailed(e);
            throw;
        }
    }

    private Task<TResult> EnqueueAsync(Pending pending)
    {
        if (_queue.Writer.TryWrite(pending))
            return pending.Result.Task;
        return Task.FromException<TResult>(_loop.IsCompleted
            ? new ObjectDisposedException(GetType().Name)
            : new OverloadedException($"{_group}: too many writes are waiting"));
    }

    private async Task CommitGroupsAsync()
    {
        var group = new List<Pending>(_maxGroup);
        var deferred = new List<Pending>();
        var keys = new HashSet<Guid>(_maxGroup);
        while (deferred.Count > 0 || await _queue.Reader.WaitToReadAsync())
        {
            if (_linger > TimeSpan.Zero && _queue.Reader.Count < _maxGroup && !_queue.Reader.Completion.IsCompleted)
                await Task.Delay(_linger);
            var waiting = deferred;
            deferred = [];
            foreach (var pending in waiting)
                (keys.Add(_key(pending.Write)) ? group : deferred).Add(pending);
            while (group.Count < _maxGroup && _queue.Reader.TryRead(out var pending))
                (keys.Add(_key(pending.Write)) ? group : deferred).Add(pending);

            foreach (var pending in group)
                pending.Span?.SetTag("db.operation.batch.size", group.Count);
            // The first has waited longest. Every write's own wait would be a measurement for each order, at each of its commits.
            PostgresTelemetry.GroupWait.Record(Stopwatch.GetElapsedTime(group[0].EnqueuedAt).TotalSeconds, _name);
            PostgresTelemetry.GroupSize.Record(group.Count, _name);
            // One statement for all of them: where database commands are traced, it is shown with the first that is recorded.
            Activity.Current = group.Find(pending => pending.Span is not null)?.Span;
            await CommitAsync(group, attempt: 1);
            group.Clear();
            keys.Clear();
        }
    }

    private async Task CommitAsync(List<Pending> group, int attempt)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            var results = await _commit(group.ConvertAll(pending => pending.Write), CancellationToken.None);
            for (var i = 0; i < group.Count; i++)
                group[i].Result.SetResult(results[i]);
        }
        catch (PostgresException e) when (IsRefusedRow(e) && group.Count > 1)
        {
            var half = group.Count / 2;
            await CommitAsync(group.GetRange(0, half), attempt: 1);
            await CommitAsync(group.GetRange(half, group.Count - half), attempt: 1);
        }
        catch (PostgresException e) when (IsDeadlock(e) && attempt < DeadlockRetries)
        {
            await CommitAsync(group, attempt + 1);
        }
        catch (Exception e)
        {
            // Whatever it is belongs to the callers; the loop lives on for those after them.
            foreach (var pending in group)
                pending.Result.SetException(e);
            if (e.IsDatabaseUnavailable() && Stopwatch.GetElapsedTime(started) > LongWait)
                while (_queue.Reader.TryRead(out var waiting))
                    waiting.Result.SetException(e);
        }
    }

    /// <summary>Data exceptions (class 22) and integrity violations (class 23): the fault of a row, not of the database.</summary>
    private static bool IsRefusedRow(PostgresException e) =>
        e.SqlState.StartsWith("22", StringComparison.Ordinal) || e.SqlState.StartsWith("23", StringComparison.Ordinal);

    private static bool IsDeadlock(PostgresException e) =>
        e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure;
}

/// <summary>A bounded queue is full. Over HTTP: 503 with <c>Retry-After</c>.</summary>
public sealed class OverloadedException(string message) : Exception(message);

/// <summary>Every name this library gives to a span, a metric or an attribute.</summary>
public static class PostgresTelemetry
{
    /// <summary>The activity source and the meter to subscribe to.</summary>
    public const string Name = "EventShop.Postgres";

    internal const string GroupName = "eventshop.group";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    // The SDK's own buckets are for milliseconds.
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    };
    private static readonly InstrumentAdvice<int> Writes = new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] };

    internal static readonly Histogram<int> GroupSize = Meter.CreateHistogram(
        "eventshop.group_commit.size", "{write}", "Writes committed in one transaction", tags: null, Writes);
    internal static readonly Histogram<double> GroupWait = Meter.CreateHistogram(
        "eventshop.group_commit.wait", "s", "Time the first write of a group waited for the group to begin", tags: null, Seconds);

    /// <summary>A write of the activity that is current, from its call until it is on disk. Null when nobody records that activity.</summary>
    internal static Activity? StartCommit(string group) => Source.StartActivity($"commit {group}", ActivityKind.Client)?
        .SetTag("db.system.name", "postgresql")
        .SetTag("db.operation.name", "commit")
        .SetTag(GroupName, group);

    /// <summary>Says that the activity failed. The exception itself is recorded once, by the activity it ends up in.</summary>
    internal static void SetFailed(this Activity? activity, Exception exception) => activity?
        .SetStatus(ActivityStatusCode.Error, exception.GetType().Name)
        .SetTag("error.type", exception.GetType().FullName);
}
