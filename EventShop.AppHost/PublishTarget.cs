using System.Diagnostics.CodeAnalysis;

namespace EventShop.AppHost;

/// <summary>What the application is published for.</summary>
internal enum PublishEnvironment
{
    /// <summary>Whoever publishes decides: azd makes container apps of the manifest.</summary>
    Any,

    /// <summary>Azure Container Apps, by <c>aspire deploy</c>.</summary>
    ContainerApps,

    /// <summary>A Docker Compose file, by <c>aspire publish</c>.</summary>
    Compose,
}

/// <summary>The configuration "Publish:Environment". Without meaning while the application runs here.</summary>
internal static class PublishTarget
{
    private const string Key = "Publish:Environment";

    /// <returns>False with one line, when the value is none of the known ones.</returns>
    public static bool TryAdd(IDistributedApplicationBuilder builder, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        var text = builder.Configuration[Key] ?? nameof(PublishEnvironment.Any);
        if (!Enum.GetNames<PublishEnvironment>().Contains(text, StringComparer.OrdinalIgnoreCase))
            problem = $"{Key} is '{text}', allowed is {string.Join(" or ", Enum.GetNames<PublishEnvironment>())}.";
        else if (builder.ExecutionContext.IsPublishMode)
            Add(builder, Enum.Parse<PublishEnvironment>(text, ignoreCase: true));
        return problem is null;
    }

    private static void Add(IDistributedApplicationBuilder builder, PublishEnvironment environment)
    {
        if (environment is PublishEnvironment.ContainerApps)
            builder.AddAzureContainerAppEnvironment("azure");
        else if (environment is PublishEnvironment.Compose)
            builder.AddDockerComposeEnvironment("compose");
    }
}
