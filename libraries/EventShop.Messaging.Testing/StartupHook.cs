using System.Diagnostics;
using System.Globalization;

/// <summary>
/// Runs in a service before its own code does (<c>DOTNET_STARTUP_HOOKS</c>): kills the process (SIGKILL) when it reaches the step that the environment
/// variable <c>KILL_AT</c> names, <c>name</c>, or for the n-th time, <c>name:n</c>. The service is the one that is deployed, not another build of it.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable("KILL_AT") is { Length: > 0 } setting)
            DiagnosticListener.AllListeners.Subscribe(new Listeners(setting));
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
}
