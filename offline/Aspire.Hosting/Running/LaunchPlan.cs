using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Running;

/// <summary>Works out what to run for a resource: program, arguments, environment.</summary>
internal sealed class LaunchPlan(
    DistributedApplicationExecutionContext context, ResourceLoggerService loggers, Assembly? appHost)
{
    /// <summary>Stands for a replica's own id in values, as in OTEL_RESOURCE_ATTRIBUTES.</summary>
    public const string InstanceMarker = "\u0001instance\u0001";

    // The AppHost's own: a child that inherited them would listen on the AppHost's address.
    private static readonly string[] NotInherited =
    [
        "ASPNETCORE_URLS", "ASPNETCORE_HTTP_PORTS", "ASPNETCORE_HTTPS_PORTS", "ASPNETCORE_HTTPS_PORT", "DOTNET_LAUNCH_PROFILE",
    ];

    /// <returns>One command per replica.</returns>
    public async Task<Command[]> PrepareAsync(IResource resource, EndpointPlan endpoints, CancellationToken ct)
    {
        var (program, folder, first) = Program(resource);
        string[] arguments = [.. first, .. await Arguments(resource, ct)];
        var environment = await Variables(resource, ct);
        return [.. resource.InstanceNames().Select((instance, replica) => new Command(
            program,
            [.. arguments.Select(a => Fill(a, replica, instance))],
            folder,
            environment.ToDictionary(v => v.Key, v => Fill(v.Value, replica, instance))))];

        string Fill(string value, int replica, string instance) =>
            EndpointAllocator.Fill(value, endpoints, replica).Replace(InstanceMarker, instance, StringComparison.Ordinal);
    }

    private (string Program, string Folder, string[] Arguments) Program(IResource resource)
    {
        switch (resource)
        {
            case ExecutableResource executable:
                return (executable.Command, executable.WorkingDirectory, []);
            case ProjectResource project:
                var path = project.GetProjectMetadata().ProjectPath;
                var output = appHost?.GetCustomAttributes<AssemblyMetadataAttribute>()
                    .FirstOrDefault(m => m.Key == $"AspireProjectOutput:{path}")?.Value;
                return output is not null && File.Exists(output)
                    ? (Programs.DotNet, Path.GetDirectoryName(path)!, [output])
                    : throw new DistributedApplicationException(
                        $"the project '{path}' has not been built with the AppHost: build the AppHost again");
            default:
                throw new DistributedApplicationException($"'{resource.GetType().Name}' is nothing that can be run");
        }
    }

    private async Task<List<string>> Arguments(IResource resource, CancellationToken ct)
    {
        var callback = new CommandLineArgsCallbackContext([], resource, ct)
        {
            ExecutionContext = context,
            Logger = loggers.GetLogger(resource),
        };
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
            await annotation.Callback(callback);
        var arguments = new List<string>();
        foreach (var argument in callback.Args)
            if (await Resolve(argument, resource, ct) is { } text)
                arguments.Add(text);
        return arguments;
    }

    private async Task<Dictionary<string, string>> Variables(IResource resource, CancellationToken ct)
    {
        var callback = new EnvironmentCallbackContext(context, resource, cancellationToken: ct)
        {
            Logger = loggers.GetLogger(resource),
        };
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            await annotation.Callback(callback);
        var variables = Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
            .ToDictionary(e => (string)e.Key, e => (string?)e.Value ?? "");
        foreach (var name in NotInherited)
            variables.Remove(name);
        foreach (var (name, value) in callback.EnvironmentVariables)
            if (await Resolve(value, resource, ct) is { } text)
                variables[name] = text;
        return variables;
    }

    private async ValueTask<string?> Resolve(object value, IResource caller, CancellationToken ct) => value switch
    {
        string text => text,
        IValueProvider provider => await provider.GetValueAsync(
            new ValueProviderContext { ExecutionContext = context, Caller = caller }, ct),
        IResourceBuilder<IResource> { Resource: IValueProvider provider } => await provider.GetValueAsync(ct),
        _ => value.ToString(),
    };
}
