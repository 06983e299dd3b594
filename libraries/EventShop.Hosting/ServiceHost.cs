using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace EventShop.Hosting;

/// <summary>Runs a service, or a command of it; what an operator can put right is told in one line instead of a stack trace.</summary>
public static class ServiceHost
{
    private const string Setup = "setup";

    /// <summary>What a shell expects of a program that Ctrl+C ended: 128 + SIGINT.</summary>
    private const int Interrupted = 130;

    /// <summary>
    /// Builds the service and runs it until it is told to stop. With the argument <c>setup</c> it makes what the service needs to find
    /// (<see cref="ISetup"/>) and ends; with the name of an <see cref="IServiceCommand"/> it runs that.
    /// </summary>
    /// <param name="args">The command line.</param>
    /// <param name="build">Makes the service.</param>
    /// <returns>
    /// The exit code: 0 after an orderly stop; 1 when it could not start (one line on stderr says why), or stopped because one of
    /// its background services failed, so that whoever runs it starts it again.
    /// </returns>
    public static Task<int> RunAsync(string[] args, Func<IHost> build) => ExplainAsync(async () =>
    {
        var output = Console.Out;
        var word = args is [var first, ..] && !first.StartsWith('-') && !first.Contains('=') ? first : null;
        // Scripts read what a command answers: what is logged meanwhile goes to stderr.
        if (word is not (null or Setup))
            Console.SetOut(Console.Error);
        var host = build();
        await using var disposal = host as IAsyncDisposable;
        if (word is not null)
            return await RunCommandAsync(host.Services, word, args[1..], output);
        await StartAsync(host);
        await host.WaitForShutdownAsync();
        return host.Services.GetServices<IHostedService>().Any(HasFailed) ? 1 : 0;
    });

    /// <summary>Runs something, and tells in one line what kept it from running and is no defect.</summary>
    /// <returns>Its exit code, or 1.</returns>
    public static Task<int> ExplainAsync(Func<Task<int>> run) => ExplainAsync("cannot start", run);

    private static async Task<int> ExplainAsync(string what, Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (Exception exception) when (Explain(exception) is { } reason)
        {
            await Console.Error.WriteLineAsync($"{AppDomain.CurrentDomain.FriendlyName} {what}: {reason}");
            return 1;
        }
    }

    private static async Task<int> RunCommandAsync(IServiceProvider services, string word, string[] arguments, TextWriter output)
    {
        if (word is Setup)
        {
            foreach (var setup in services.GetServices<ISetup>())
                await setup.RunAsync(CancellationToken.None);
            return 0;
        }
        var commands = services.GetServices<IServiceCommand>().ToArray();
        if (commands.FirstOrDefault(command => command.Name == word) is not { } wanted)
            throw new StartupException(
                $"'{word}' is not known: nothing, to run the service; {Setup}, to make what it needs to find"
                + string.Concat(commands.Select(command => $"; {command.Name} {command.Usage}")));
        using var interrupted = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            interrupted.Cancel();
        };
        return await ExplainAsync(word, async () =>
        {
            try
            {
                return await wanted.RunAsync(arguments, output, interrupted.Token);
            }
            catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
            {
                return Interrupted;
            }
        });
    }

    private static async Task StartAsync(IHost host)
    {
        var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        try
        {
            await host.StartAsync();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Told to stop while starting: what has started is stopped like after a long life.
        }
    }

    private static bool HasFailed(IHostedService service) => service is BackgroundService { ExecuteTask.IsFaulted: true };

    /// <returns>Null for what is a defect rather than a wrong setting: that keeps its stack trace.</returns>
    private static string? Explain(Exception exception) => exception switch
    {
        StartupException => OneLine(exception.Message),
        OptionsValidationException invalid => OneLine(string.Join(' ', invalid.Failures)),
        AggregateException several when several.InnerExceptions.Select(Explain).ToList() is var reasons && !reasons.Contains(null)
            => string.Join(' ', reasons),
        // Kestrel says so with an exception of its own in between.
        IOException { InnerException.InnerException: SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } }
            => $"{OneLine(exception.Message)} ASPNETCORE_URLS names the addresses.",
        SocketException { SocketErrorCode: SocketError.AccessDenied or SocketError.AddressNotAvailable }
            => $"the server cannot listen: {OneLine(exception.Message)}. ASPNETCORE_URLS names the addresses.",
        InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" } => OneLine(exception.Message),
        InvalidDataException { InnerException: { } cause } => OneLine($"{exception.Message} {cause.Message}"),
        _ => null,
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Trim();
}
