using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EventShop.Tests.AspireHosting;

/// <summary>Small applications of the tests' own, hosted like the AppHost.</summary>
internal static class Applications
{
    /// <summary>Random ports, no dashboard, and what the resources write only where a test asks for it.</summary>
    public static IDistributedApplicationBuilder CreateBuilder(params string[] args)
    {
        var builder = DistributedApplication.CreateBuilder(new DistributedApplicationOptions
        {
            Args = ["--DcpPublisher:RandomizePorts=true", .. args],
            // Where the real Aspire looks up its orchestrator: the AppHost's assembly, not the test runner's.
            AssemblyName = typeof(Projects.EventShop_AppHost).Assembly.GetName().Name,
            DisableDashboard = true,
        });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning));
        return builder;
    }

    /// <summary>The variables a resource would get, each as its value or its manifest expression.</summary>
    public static async Task<Dictionary<string, string?>> EnvironmentOf(IResource resource)
    {
        var context = new EnvironmentCallbackContext(
            new DistributedApplicationExecutionContext(DistributedApplicationOperation.Run), resource,
            cancellationToken: TestContext.Current.CancellationToken);
        foreach (var annotation in resource.Annotations.OfType<EnvironmentCallbackAnnotation>())
            await annotation.Callback(context);
        return context.EnvironmentVariables.ToDictionary(v => v.Key, v => Expression(v.Value));
    }

    public static async Task<string[]> ArgumentsOf(IResource resource)
    {
        var context = new CommandLineArgsCallbackContext([], resource, TestContext.Current.CancellationToken);
        foreach (var annotation in resource.Annotations.OfType<CommandLineArgsCallbackAnnotation>())
            await annotation.Callback(context);
        return [.. context.Args.Select(a => Expression(a) ?? "")];
    }

    /// <summary>All lines that a resource wrote before it ended.</summary>
    public static async Task WaitForLine(DistributedApplication application, string resource, string text)
    {
        var logs = application.Services.GetRequiredService<ResourceLoggerService>();
        await foreach (var lines in logs.WatchAsync(resource).WithCancellation(TestContext.Current.CancellationToken))
            if (lines.Any(line => line.Content.Contains(text, StringComparison.Ordinal)))
                return;
        Assert.Fail($"'{resource}' never wrote '{text}'");
    }

    private static string? Expression(object value) =>
        value is IManifestExpressionProvider provider ? provider.ValueExpression : value.ToString();
}
