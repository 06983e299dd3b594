using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Azure.AppContainers;

/// <summary>An Azure Container Apps environment as a compute environment.</summary>
public class AzureContainerAppEnvironmentResource(string name) : Resource(name);
