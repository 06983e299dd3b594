using Microsoft.Extensions.Configuration;

namespace EventShop.AppHost;

internal static class Launch
{
    /// <summary>bin/Release/net10.0: the services are built as the AppHost is.</summary>
    private static readonly string OutputFolder =
        Path.Combine(AppContext.BaseDirectory.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)[^3..]);

    /// <summary>
    /// Runs what the build made instead of `dotnet run` around it, which takes a second and 70 MB for each service, and whose death leaves
    /// the service behind. Under `dotnet watch` and in an IDE's debugging session the services start as they always do.
    /// </summary>
    public static IDistributedApplicationBuilder LaunchBinaries(this IDistributedApplicationBuilder builder)
    {
        var isWatched = builder.Configuration.GetValue<bool>("DOTNET_WATCH") || builder.Configuration["DEBUG_SESSION_PORT"] is not null;
        foreach (var resource in builder.Resources.OfType<ProjectResource>())
        {
            var path = resource.GetProjectMetadata().ProjectPath;
            var binary = Path.Combine(Path.GetDirectoryName(path)!, OutputFolder, Path.GetFileNameWithoutExtension(path) + ".dll");
            var project = builder.CreateResourceBuilder(resource);
#pragma warning disable ASPIREEXTENSION001, ASPIRECERTIFICATES001 // For evaluation. Without them all works, with `dotnet run` and a warning.
            if (!isWatched && File.Exists(binary))
            {
                project.WithLaunchToolArgs(context => context.Args.Add(binary), showInCommandLine: false);
            }

            // They speak HTTP: the dashboard need not warn that there is no development certificate.
            project.WithoutHttpsCertificate();
#pragma warning restore ASPIREEXTENSION001, ASPIRECERTIFICATES001
        }

        return builder;
    }
}
