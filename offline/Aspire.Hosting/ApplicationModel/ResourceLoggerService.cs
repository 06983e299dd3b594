using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>One line of a resource's output.</summary>
public readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage);

/// <summary>What the resources' processes (and the AppHost about them) have written.</summary>
public class ResourceLoggerService : IDisposable
{
    private const int Backlog = 10_000;
    private readonly ConcurrentDictionary<string, ResourceLog> logs = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Called with every line, for printing.</summary>
    internal event Action<string, LogLine>? LineWritten;

    public ILogger GetLogger(IResource resource) => GetLogger(resource.Name);

    public ILogger GetLogger(string resourceName) => new ResourceLogger(this, resourceName);

    /// <summary>The lines so far, then each new one as it comes, until the resource is complete or the caller stops.</summary>
    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(IResource resource) => WatchAsync(resource.Name);

    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string resourceName) => Log(resourceName).Watch();

    public async IAsyncEnumerable<IReadOnlyList<LogLine>> GetAllAsync(IResource resource)
    {
        yield return Log(resource.Name).Last(int.MaxValue);
        await Task.CompletedTask;
    }

    public void Complete(IResource resource) => Log(resource.Name).Complete();

    public void Dispose()
    {
        foreach (var log in logs.Values)
            log.Complete();
        GC.SuppressFinalize(this);
    }

    internal void Write(string resourceName, string content, bool isError)
    {
        var line = Log(resourceName).Add(content, isError);
        LineWritten?.Invoke(resourceName, line);
    }

    internal IReadOnlyList<LogLine> Last(string resourceName, int count) => Log(resourceName).Last(count);

    private ResourceLog Log(string resourceName) => logs.GetOrAdd(resourceName, _ => new ResourceLog());

    private sealed class ResourceLog
    {
        private readonly Queue<LogLine> lines = new();
        private readonly List<Channel<LogLine>> watchers = [];
        private int count;
        private bool complete;

        public LogLine Add(string content, bool isError)
        {
            lock (lines)
            {
                var line = new LogLine(++count, content, isError);
                lines.Enqueue(line);
                if (lines.Count > Backlog)
                    lines.Dequeue();
                foreach (var watcher in watchers)
                    watcher.Writer.TryWrite(line);
                return line;
            }
        }

        public IReadOnlyList<LogLine> Last(int wanted)
        {
            lock (lines)
                return [.. lines.TakeLast(wanted)];
        }

        public void Complete()
        {
            lock (lines)
            {
                complete = true;
                foreach (var watcher in watchers)
                    watcher.Writer.TryComplete();
            }
        }

        public async IAsyncEnumerable<IReadOnlyList<LogLine>> Watch([EnumeratorCancellation] CancellationToken ct = default)
        {
            var watcher = Channel.CreateUnbounded<LogLine>();
            lock (lines)
            {
                foreach (var line in lines)
                    watcher.Writer.TryWrite(line);
                if (complete)
                    watcher.Writer.TryComplete();
                watchers.Add(watcher);
            }
            try
            {
                await foreach (var line in watcher.Reader.ReadAllAsync(ct))
                    yield return [line];
            }
            finally
            {
                lock (lines)
                    watchers.Remove(watcher);
            }
        }
    }

    private sealed class ResourceLogger(ResourceLoggerService service, string resourceName) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            var text = formatter(state, exception);
            if (exception is not null)
                text += $" {exception.Message}";
            service.Write(resourceName, text, logLevel >= LogLevel.Error);
        }
    }
}
