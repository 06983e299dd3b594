using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Aspire.Hosting.Running;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>A builder to change before the application is built; disposing of it stops everything.</summary>
public interface IDistributedApplicationTestingBuilder : IDistributedApplicationBuilder, IAsyncDisposable, IDisposable
{
    Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default);
}

/// <summary>Starts an AppHost, or an application of the test's own, inside a test.</summary>
public static class DistributedApplicationTestingBuilder
{
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(
        CancellationToken cancellationToken = default) where TEntryPoint : class =>
        CreateAsync(typeof(TEntryPoint), [], (_, _) => { }, cancellationToken);

    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(
        string[] args, CancellationToken cancellationToken = default) where TEntryPoint : class =>
        CreateAsync(typeof(TEntryPoint), args, (_, _) => { }, cancellationToken);

    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(
        string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder,
        CancellationToken cancellationToken = default) =>
        CreateAsync(typeof(TEntryPoint), args, configureBuilder, cancellationToken);

    /// <summary>Runs the entry point of the type's assembly up to its Build().</summary>
    public static async Task<IDistributedApplicationTestingBuilder> CreateAsync(
        Type entryPoint, string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entryPoint);
        CheckArgs(args);
        ArgumentNullException.ThrowIfNull(configureBuilder);
        var main = new AppHostEntryPoint(entryPoint.Assembly, args, configureBuilder);
        return new EntryPointBuilder(main, await main.StartAsync(cancellationToken));
    }

    public static IDistributedApplicationTestingBuilder Create(params string[] args) => Create(args, (_, _) => { });

    /// <summary>An application that the test itself puts together.</summary>
    public static IDistributedApplicationTestingBuilder Create(
        string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder)
    {
        CheckArgs(args);
        var session = new OwnSession(args, configureBuilder);
        EntryPointSession.Current = session;
        try
        {
            return new OwnBuilder(new DistributedApplicationBuilder(args));
        }
        finally
        {
            EntryPointSession.Current = null;
        }
    }

    private static void CheckArgs(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args.Any(string.IsNullOrEmpty))
            throw new ArgumentException($"Array params contains empty item: [{string.Join(", ", args)}]", nameof(args));
    }

    /// <summary>Only sets the options: this application is started and stopped like any other.</summary>
    private sealed class OwnSession(
        string[] args, Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configure) : EntryPointSession
    {
        public override void Constructing(DistributedApplicationOptions options, HostApplicationBuilderSettings settings)
        {
            TestingDefaults.Apply(options, settings, args, Assembly.GetEntryAssembly());
            configure(options, settings);
        }

        public override void Constructed(DistributedApplicationBuilder builder) => builder.Services.AddHttpClient();

        public override void Building(DistributedApplicationBuilder builder)
        {
        }

        public override void Built(DistributedApplication application)
        {
        }
    }

    private abstract class DelegatingBuilder(DistributedApplicationBuilder inner)
    {
        public ConfigurationManager Configuration => inner.Configuration;
        public string AppHostDirectory => inner.AppHostDirectory;
        public Assembly? AppHostAssembly => inner.AppHostAssembly;
        public IHostEnvironment Environment => inner.Environment;
        public IServiceCollection Services => inner.Services;
        public IDistributedApplicationEventing Eventing => inner.Eventing;
        public DistributedApplicationExecutionContext ExecutionContext => inner.ExecutionContext;
        public IResourceCollection Resources => inner.Resources;

        public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource => inner.AddResource(resource);

        public IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource => inner.CreateResourceBuilder(resource);
    }

    private sealed class OwnBuilder(DistributedApplicationBuilder inner)
        : DelegatingBuilder(inner), IDistributedApplicationTestingBuilder
    {
        private readonly DistributedApplicationBuilder inner = inner;
        private DistributedApplication? application;

        public DistributedApplication Build() => application = inner.Build();

        public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default) => Task.FromResult(Build());

        public void Dispose() => application?.Dispose();

        public ValueTask DisposeAsync() => application?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    private sealed class EntryPointBuilder(AppHostEntryPoint main, DistributedApplicationBuilder inner)
        : DelegatingBuilder(inner), IDistributedApplicationTestingBuilder
    {
        public DistributedApplication Build() => BuildAsync().GetAwaiter().GetResult();

        public Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default) =>
            main.BuildAsync(cancellationToken);

        public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

        public ValueTask DisposeAsync() => main.DisposeAsync();
    }
}
