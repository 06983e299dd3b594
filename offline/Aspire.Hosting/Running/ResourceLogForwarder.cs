using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Running;

/// <summary>Hands the resources' output to the AppHost's loggers, where a test's logger can pick it up.</summary>
internal sealed class ResourceLogForwarder(
    ResourceLoggerService source, ILoggerFactory loggers, IHostEnvironment environment) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        source.LineWritten += Forward;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Forward(string resource, LogLine line)
    {
        var logger = loggers.CreateLogger($"{environment.ApplicationName}.Resources.{resource}");
        var level = line.IsErrorMessage ? LogLevel.Error : LogLevel.Information;
        if (logger.IsEnabled(level))
            logger.Log(level, "{LineNumber}: {Line}", line.LineNumber, line.Content);
    }
}
