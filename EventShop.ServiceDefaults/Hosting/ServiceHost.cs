using System.Net.Sockets;
using EventShop.Messaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.Hosting;

/// <summary>Runs a service, or a command of it; what an operator can put right is told in one line instead of a stack trace.</summary>
public static class ServiceHost
{
    private const string Setup = "setup";

    /// <summary>
    /// Builds the service and runs it until it is told to stop. With the argument <c>setup</c> it makes what the service needs to find
    /// (<see cref="ISetup"/>) and ends; with <c>health</c> it asks the service that runs beside it (<see cref="HealthCommand"/>).
    /// </summary>
    /// <param name="args">The command line.</param>
    /// <param name="build">Makes the service.</param>
    /// <returns>
    /// The exit code: 0 after an orderly stop; 1 when it could not start (one line on stderr says why), or stopped because one of
    /// its background services failed, so that whoever runs it starts it again.
    /// </returns>
    public static async Task<int> RunAsync(string[] args, Func<WebApplication> build)
    {
        try
        {
            if (args is [HealthCommand.Name, .. var path])
            {
                return await HealthCommand.RunAsync(path);
            }

            if (args is [var word, ..] && word is not Setup && !word.StartsWith('-') && !word.Contains('='))
            {
                throw new StartupException($"'{word}' is not known: nothing, to run the service; {Setup}, to make what it needs to find; {HealthCommand.Usage}");
            }

            await using var app = build();
            if (args is [Setup, ..])
            {
                foreach (var setup in app.Services.GetServices<ISetup>())
                {
                    await setup.RunAsync(CancellationToken.None);
                }

                return 0;
            }

            await Start(app);
            await app.WaitForShutdownAsync();
            return app.Services.GetServices<IHostedService>().Any(HasFailed) ? 1 : 0;
        }
        catch (Exception exception) when (Explain(exception) is { } reason)
        {
            await Console.Error.WriteLineAsync($"{AppDomain.CurrentDomain.FriendlyName} cannot start: {reason}");
            return 1;
        }
    }

    private static async Task Start(WebApplication app)
    {
        var stopping = app.Lifetime.ApplicationStopping;
        try
        {
            await app.StartAsync();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Told to stop while starting: what has started is stopped like after a long life.
        }
    }

    private static bool HasFailed(IHostedService service) => service is BackgroundService { ExecuteTask.IsFaulted: true };

    // Null for what is a defect rather than a wrong setting: that keeps its stack trace.
    private static string? Explain(Exception exception) => exception switch
    {
        StartupException => OneLine(exception.Message),
        OptionsValidationException invalid => OneLine(string.Join(' ', invalid.Failures)),
        AggregateException several when several.InnerExceptions.Select(Explain).ToList() is var reasons && !reasons.Contains(null)
            => string.Join(' ', reasons),
        IOException { InnerException: AddressInUseException } => $"{OneLine(exception.Message)} ASPNETCORE_URLS names the addresses.",
        SocketException { SocketErrorCode: SocketError.AccessDenied or SocketError.AddressNotAvailable }
            => $"the server cannot listen: {OneLine(exception.Message)}. ASPNETCORE_URLS names the addresses.",
        InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" } => OneLine(exception.Message),
        InvalidDataException { InnerException: { } cause } => OneLine($"{exception.Message} {cause.Message}"),
        _ => null,
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Trim();
}
