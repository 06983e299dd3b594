using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Globalization;

/// <summary>
/// Runs in a service before its own code does (<c>DOTNET_STARTUP_HOOKS</c>). The service is the one that is deployed, not another build of it.
/// <c>KILL_AT</c> names the step at which the process is killed (SIGKILL), <c>name</c>, or <c>name:n</c> for the n-th time it comes there.
/// <c>FIRST_CALLS</c> names a file that gets, with the process id after its name, each method's type and name when it is first called.
/// </summary>
internal static class StartupHook
{
    private static FirstCalls? _firstCalls;

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable("KILL_AT") is { Length: > 0 } setting)
            DiagnosticListener.AllListeners.Subscribe(new Listeners(setting));
        if (Environment.GetEnvironmentVariable("FIRST_CALLS") is { Length: > 0 } file)
            _firstCalls = new FirstCalls($"{file}.{Environment.ProcessId}");
    }

    private sealed class Listeners(string setting) : IObserver<DiagnosticListener>
    {
        public void OnNext(DiagnosticListener value)
        {
            if (value.Name == "EventShop.Steps")
                value.Subscribe(new Killer(setting.Split(':')));
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }

    private sealed class Killer(string[] setting) : IObserver<KeyValuePair<string, object?>>
    {
        private readonly int _at = setting.Length > 1 ? int.Parse(setting[1], CultureInfo.InvariantCulture) : 1;
        private int _hits;

        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (value.Key != setting[0] || Interlocked.Increment(ref _hits) < _at)
                return;
            using var self = Process.GetCurrentProcess();
            self.Kill();
            // The signal takes a moment to reach every thread: this one must not go on meanwhile.
            using var never = new ManualResetEvent(false);
            never.WaitOne();
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }

    /// <summary>A method is compiled when it is first called, and the runtime tells so.</summary>
    private sealed class FirstCalls(string file) : EventListener
    {
        private const EventKeywords Jit = (EventKeywords)0x10;
        private readonly ConcurrentDictionary<string, bool> _seen = new();
        private readonly Lock _lock = new();

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Microsoft-Windows-DotNETRuntime")
                EnableEvents(eventSource, EventLevel.Verbose, Jit);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData.EventName?.StartsWith("MethodLoadVerbose", StringComparison.Ordinal) is not true || eventData.PayloadNames is not { } names)
                return;
            var method = $"{eventData.Payload![names.IndexOf("MethodNamespace")]} {eventData.Payload[names.IndexOf("MethodName")]}";
            if (_seen?.TryAdd(method, true) is true)
                lock (_lock)
                    File.AppendAllText(file, method + "\n");
        }
    }
}
