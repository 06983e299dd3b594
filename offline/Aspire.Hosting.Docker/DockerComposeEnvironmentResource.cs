using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Docker;

/// <summary>A Docker Compose file as a compute environment.</summary>
public class DockerComposeEnvironmentResource(string name) : Resource(name);
