using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Dashboard;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Running;

/// <summary>
/// What <c>dotnet run</c> shows: every resource's output behind its name, the addresses once all are healthy, and what went
/// wrong. The real one leaves that to its dashboard alone, and keeps running when a resource dies. Here the run ends, unless
/// <c>AppHost:RestartCrashed</c> is true: then what dies after all were healthy is started again, a few times.
/// </summary>
internal sealed class ConsoleRun(IHost host)
{
    private const int LastLines = 20;
    private const int MostRestarts = 5;
    private static readonly TimeSpan BeforeRestart = TimeSpan.FromSeconds(1);
    private static readonly ConsoleColor[] Colors =
    [
        ConsoleColor.Cyan, ConsoleColor.Green, ConsoleColor.Yellow, ConsoleColor.Magenta, ConsoleColor.Blue,
        ConsoleColor.DarkCyan, ConsoleColor.DarkGreen, ConsoleColor.DarkYellow,
    ];

    private readonly Lock printing = new();
    private readonly IResourceCollection resources = host.Services.GetRequiredService<DistributedApplicationModel>().Resources;
    private readonly ResourceLoggerService logs = host.Services.GetRequiredService<ResourceLoggerService>();
    private readonly Orchestrator orchestrator = host.Services.GetRequiredService<Orchestrator>();
    private readonly bool colored =
        !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    private int width;

    public async Task RunAsync(CancellationToken ct)
    {
        width = resources.Where(r => r is ExecutableResource or ProjectResource).Select(r => r.Name.Length)
            .DefaultIfEmpty(0).Max();
        logs.LineWritten += Print;
        try
        {
            await host.StartAsync(ct);
        }
        catch (DistributedApplicationException e)
        {
            Fail(e.Message);
            await host.StopAsync(CancellationToken.None);
            return;
        }
        var lifetime = host.Services.GetRequiredService<IHostApplicationLifetime>();
        await using var onCancel = ct.Register(lifetime.StopApplication);
        var healthy = PrintWhenHealthy(lifetime.ApplicationStopping);
        await WatchFailures(healthy, lifetime.ApplicationStopping);
        await host.StopAsync(CancellationToken.None);
        await healthy;
    }

    /// <summary>Returns when the run shall end: asked to, or because of a failure.</summary>
    private async Task WatchFailures(Task healthy, CancellationToken ct)
    {
        var restart = host.Services.GetRequiredService<IConfiguration>().GetValue("AppHost:RestartCrashed", false);
        var restarts = new Dictionary<IResource, int>();
        try
        {
            await foreach (var failure in orchestrator.Failures.ReadAllAsync(ct))
            {
                Report(failure);
                var count = restarts[failure.Resource] = restarts.GetValueOrDefault(failure.Resource) + 1;
                if (!restart || !healthy.IsCompleted)
                {
                    Fail("Stopping the others.");
                    return;
                }
                if (count > MostRestarts)
                {
                    Fail($"'{failure.Resource.Name}' stays stopped; the others go on.");
                    continue;
                }
                await Task.Delay(BeforeRestart, ct);
                Tell($"Starting '{failure.Resource.Name}' again.");
                await orchestrator.Commands.ExecuteCommandAsync(failure.Resource, KnownResourceCommands.StartCommand, ct);
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl+C or SIGTERM.
        }
    }

    private async Task PrintWhenHealthy(CancellationToken ct)
    {
        var notifications = host.Services.GetRequiredService<ResourceNotificationService>();
        try
        {
            var states = await Task.WhenAll(orchestrator.Started.Select(
                r => notifications.WaitForResourceHealthyAsync(r.Name, WaitBehavior.WaitOnResourceUnavailable, ct)));
            lock (printing)
            {
                Console.WriteLine();
                foreach (var state in states)
                    Console.WriteLine(
                        $"  {state.Resource.Name.PadRight(width)}  healthy  {string.Join("  ", state.Snapshot.Urls.Select(u => u.Url))}");
                if (host.Services.GetService<DashboardServer>()?.Url is { } dashboard)
                    Console.WriteLine($"  {"dashboard".PadRight(width)}           {dashboard}");
                Console.WriteLine();
                Console.WriteLine("  All resources are running. Press Ctrl+C to stop them.");
                Console.WriteLine();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped before all were healthy.
        }
    }

    private void Report((IResource Resource, string What) failure)
    {
        var (resource, what) = failure;
        var last = logs.Last(resource.Name, LastLines);
        Tell($"The resource '{resource.Name}' {what}");
        if (last.Count > 0)
            Tell(string.Join(Environment.NewLine, ["Its last lines:", .. last.Select(line => $"  {line.Content}")]));
    }

    private void Fail(string message)
    {
        Environment.ExitCode = 1;
        Tell(message);
    }

    private void Tell(string message)
    {
        lock (printing)
            Console.Error.WriteLine(message);
    }

    private void Print(string resource, LogLine line)
    {
        lock (printing)
        {
            if (colored)
                Console.ForegroundColor = Colors[Index(resource) % Colors.Length];
            Console.Write($"{resource.PadRight(width)} | ");
            if (colored)
                Console.ResetColor();
            Console.WriteLine(line.Content);
        }
    }

    private int Index(string name)
    {
        resources.TryGetByName(name, out var resource);
        return resource is null ? 0 : resources.IndexOf(resource);
    }
}
