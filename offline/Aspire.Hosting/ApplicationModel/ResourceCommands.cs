using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Starts, stops and restarts resources, and runs the commands given by <c>WithCommand</c>.</summary>
public class ResourceCommandService
{
    private readonly IServiceProvider services;
    private readonly ResourceLoggerService loggers;
    private readonly Func<string, IResource?> find;
    private readonly Func<IResource, string, CancellationToken, Task<ExecuteCommandResult?>> lifecycle;

    internal ResourceCommandService(
        IServiceProvider services, ResourceLoggerService loggers, Func<string, IResource?> find,
        Func<IResource, string, CancellationToken, Task<ExecuteCommandResult?>> lifecycle)
    {
        this.services = services;
        this.loggers = loggers;
        this.find = find;
        this.lifecycle = lifecycle;
    }

    /// <param name="resourceId">The resource's name, or that of one instance (all its instances are meant then).</param>
    /// <param name="commandName">"start", "stop", "restart", or a command of the resource.</param>
    public Task<ExecuteCommandResult> ExecuteCommandAsync(
        string resourceId, string commandName, CancellationToken cancellationToken = default) =>
        find(resourceId) is { } resource
            ? ExecuteCommandAsync(resource, commandName, cancellationToken)
            : Task.FromResult(CommandResults.Failure($"Resource '{resourceId}' not found."));

    public async Task<ExecuteCommandResult> ExecuteCommandAsync(
        IResource resource, string commandName, CancellationToken cancellationToken = default)
    {
        var command = resource.Annotations.OfType<ResourceCommandAnnotation>().SingleOrDefault(c => c.Name == commandName);
        try
        {
            if (command is not null)
                return await command.ExecuteCommand(new ExecuteCommandContext
                {
                    Services = services,
                    ResourceName = resource.Name,
                    Logger = loggers.GetLogger(resource),
                    CancellationToken = cancellationToken,
                });
            return await lifecycle(resource, commandName, cancellationToken)
                ?? CommandResults.Failure($"Command '{commandName}' not available for resource '{resource.Name}'.");
        }
        catch (OperationCanceledException)
        {
            return CommandResults.Canceled();
        }
        catch (Exception e)
        {
            loggers.GetLogger(resource).LogError(e, "Error executing command '{Command}'.", commandName);
            return CommandResults.Failure(e);
        }
    }
}

public static class KnownResourceCommands
{
    public static readonly string StartCommand = "start";
    public static readonly string StopCommand = "stop";
    public static readonly string RestartCommand = "restart";
}

public sealed class ExecuteCommandResult
{
    public required bool Success { get; init; }
    public bool Canceled { get; init; }
    public string? Message { get; init; }
}

public static class CommandResults
{
    public static ExecuteCommandResult Success() => new() { Success = true };

    public static ExecuteCommandResult Success(string message) => new() { Success = true, Message = message };

    public static ExecuteCommandResult Failure(string? errorMessage = null) => new() { Success = false, Message = errorMessage };

    public static ExecuteCommandResult Failure(Exception exception) => Failure(exception.Message);

    public static ExecuteCommandResult Canceled() => new() { Success = false, Canceled = true };
}

public sealed class ExecuteCommandContext
{
    public required IServiceProvider Services { get; init; }
    public required string ResourceName { get; init; }
    public required ILogger Logger { get; init; }
    public required CancellationToken CancellationToken { get; init; }
}

public class CommandOptions
{
    public string? Description { get; set; }
    public string? ConfirmationMessage { get; set; }
    public string? IconName { get; set; }
    public bool IsHighlighted { get; set; }
    public Func<UpdateCommandStateContext, ResourceCommandState>? UpdateState { get; set; }
}

public sealed class UpdateCommandStateContext
{
    public required CustomResourceSnapshot ResourceSnapshot { get; init; }
    public required IServiceProvider Services { get; init; }
}

public enum ResourceCommandState
{
    Enabled,
    Disabled,
    Hidden,
}

/// <summary>A command of a resource; without a dashboard only <see cref="ResourceCommandService"/> runs it.</summary>
public sealed class ResourceCommandAnnotation : IResourceAnnotation
{
    internal ResourceCommandAnnotation(
        string name, string displayName, Func<ExecuteCommandContext, Task<ExecuteCommandResult>> executeCommand)
    {
        Name = name;
        DisplayName = displayName;
        ExecuteCommand = executeCommand;
    }

    public string Name { get; }
    public string DisplayName { get; }
    public Func<ExecuteCommandContext, Task<ExecuteCommandResult>> ExecuteCommand { get; }
}
