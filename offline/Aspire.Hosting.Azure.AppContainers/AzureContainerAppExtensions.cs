using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Azure.AppContainers;

namespace Aspire.Hosting;

/// <summary>Azure Container Apps as the target of a deployment.</summary>
public static class AzureContainerAppExtensions
{
    /// <summary>Everything in the model is published as container apps of one environment. Without effect in run mode.</summary>
    public static IResourceBuilder<AzureContainerAppEnvironmentResource> AddAzureContainerAppEnvironment(
        this IDistributedApplicationBuilder builder, string name)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var resource = new AzureContainerAppEnvironmentResource(name);
        return builder.ExecutionContext.IsRunMode ? builder.CreateResourceBuilder(resource) : builder.AddResource(resource);
    }
}
