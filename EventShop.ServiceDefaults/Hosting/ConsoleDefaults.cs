using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace EventShop.ServiceDefaults;

internal static class ConsoleDefaults
{
    /// <summary>One line per entry, with its trace id: JSON in a container, where a machine reads it, text elsewhere.</summary>
    public static void AddConsoleLogs(this IHostApplicationBuilder builder)
    {
        if (string.Equals(builder.Configuration["DOTNET_RUNNING_IN_CONTAINER"], "true", StringComparison.OrdinalIgnoreCase))
        {
            // The scopes have the trace id.
            builder.Logging.AddJsonConsole(console =>
            {
                console.IncludeScopes = true;
                console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
                console.UseUtcTimestamp = true;
            });
        }
        else
        {
            builder.Services.TryAddSingleton(TimeProvider.System);
            builder.Logging.AddConsole(console => console.FormatterName = LineFormatter.FormatterName)
                .AddConsoleFormatter<LineFormatter, ConsoleFormatterOptions>();
        }

        // A failed start is told once, by ServiceHost: these two would log its stack trace as well.
        builder.Services.AddSingleton<HostStarted>();
        builder.Services.AddHostedService(services => services.GetRequiredService<HostStarted>());
        builder.Services.AddOptions<LoggerFilterOptions>().Configure<HostStarted>((filters, host) => filters
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => host.HasStarted && level >= LogLevel.Information)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", level => host.HasStarted && level >= LogLevel.Information));
    }

    private sealed class HostStarted : IHostedLifecycleService
    {
        private volatile bool started;

        public bool HasStarted => started;

        public Task StartedAsync(CancellationToken cancellationToken)
        {
            started = true;
            return Task.CompletedTask;
        }

        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
