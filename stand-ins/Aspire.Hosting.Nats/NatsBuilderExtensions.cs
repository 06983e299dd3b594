using Aspire.Hosting.ApplicationModel;
using Aspire.NATS.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using NATS.Client.Core;

namespace Aspire.Hosting;

public static class NatsBuilderExtensions
{
    private const string DataFolder = "/var/lib/nats";

    public static IResourceBuilder<NatsServerResource> AddNats(
        this IDistributedApplicationBuilder builder, string name, int? port) => builder.AddNats(name, port, null);

    /// <summary>A NATS server with a user ("nats" by default) and a password (generated and kept by default).</summary>
    public static IResourceBuilder<NatsServerResource> AddNats(
        this IDistributedApplicationBuilder builder, string name, int? port = null,
        IResourceBuilder<ParameterResource>? userName = null, IResourceBuilder<ParameterResource>? password = null)
    {
        var secret = password?.Resource
            ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false);
        var nats = new NatsServerResource(name, userName?.Resource, secret);
        NatsConnection? connection = null;
        builder.Eventing.Subscribe<ConnectionStringAvailableEvent>(nats, async (e, cancellationToken) =>
            connection = new NatsConnection(NatsOpts.Default with
            {
                LoggerFactory = e.Services.GetRequiredService<ILoggerFactory>(),
                Url = await nats.ConnectionStringExpression.GetValueAsync(cancellationToken).ConfigureAwait(false)
                    ?? throw new DistributedApplicationException($"The connection string of '{nats.Name}' is null."),
                AuthOpts = new NatsAuthOpts
                {
                    Username = await nats.UserNameReference.GetValueAsync(cancellationToken).ConfigureAwait(false),
                    Password = await secret.GetValueAsync(cancellationToken).ConfigureAwait(false),
                },
            }));
        var check = $"{name}_check";
        builder.Services.AddHealthChecks().Add(new HealthCheckRegistration(
            check, _ => new NatsHealthCheck(connection!), failureStatus: null, tags: null));
        return builder.AddResource(nats)
            .WithEndpoint(targetPort: 4222, port: port, name: NatsServerResource.PrimaryEndpointName)
            .WithImage("library/nats", "2.14")
            .WithImageRegistry("docker.io")
            .WithIconName("MailMultiple")
            .WithHealthCheck(check)
            .WithArgs(context =>
            {
                context.Args.Add("--user");
                context.Args.Add(nats.UserNameReference);
                context.Args.Add("--pass");
                context.Args.Add(secret);
            });
    }

    public static IResourceBuilder<NatsServerResource> WithJetStream(this IResourceBuilder<NatsServerResource> builder) =>
        builder.WithArgs("-js");

    public static IResourceBuilder<NatsServerResource> WithDataVolume(
        this IResourceBuilder<NatsServerResource> builder, string? name = null, bool isReadOnly = false) =>
        builder.WithVolume(name ?? VolumeNameGenerator.Generate(builder, "data"), DataFolder, isReadOnly).WithArgs("-sd", DataFolder);

    public static IResourceBuilder<NatsServerResource> WithDataBindMount(
        this IResourceBuilder<NatsServerResource> builder, string source, bool isReadOnly = false) =>
        builder.WithBindMount(source, DataFolder, isReadOnly).WithArgs("-sd", DataFolder);
}
