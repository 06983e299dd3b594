using System.Net.Sockets;
using EventShop.Messaging;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.Hosting;

/// <summary>Runs a service; what an operator can put right is told in one line instead of a stack trace.</summary>
public static class ServiceHost
{
    /// <summary>Builds the service and runs it until it is told to stop.</summary>
    /// <returns>
    /// The exit code: 0 after an orderly stop; 1 when it could not start (one line on stderr says why), or stopped because one of
    /// its background services failed, so that whoever runs it starts it again.
    /// </returns>
    public static async Task<int> RunAsync(Func<WebApplication> build)
    {
        try
        {
            await using var app = build();
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
