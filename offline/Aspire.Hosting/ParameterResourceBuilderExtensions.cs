using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

public static class ParameterResourceBuilderExtensions
{
    /// <summary>A value that configuration must give: <c>Parameters:{name}</c>.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, bool secret = false) =>
        builder.Add(new ParameterResource(name, d => Configured(builder, name, d), secret));

    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false,
        bool secret = false) => builder.AddParameter(name, () => value, publishValueAsDefault, secret);

    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, Func<string> valueGetter,
        bool publishValueAsDefault = false, bool secret = false)
    {
        if (publishValueAsDefault && secret)
            throw new ArgumentException(
                "A parameter cannot be both secret and published as a default value.", nameof(secret));
        return builder.Add(new ParameterResource(name, d => d?.GetDefaultValue() ?? valueGetter(), secret)
        {
            Default = publishValueAsDefault ? new ConstantParameterDefault(valueGetter) : null,
        });
    }

    public static IResourceBuilder<ParameterResource> AddParameter(
        this IDistributedApplicationBuilder builder, string name, ParameterDefault value, bool secret = false,
        bool persist = false)
    {
        if (persist && builder.ExecutionContext.IsRunMode)
            value = new PersistedParameterDefault(Secrets(builder), name, value);
        return builder.Add(new ParameterResource(name, _ => Configured(builder, name, value), secret) { Default = value });
    }

    public static IResourceBuilder<ParameterResource> AddParameterFromConfiguration(
        this IDistributedApplicationBuilder builder, string name, string configurationKey, bool secret = false) =>
        builder.Add(new ParameterResource(name, d => Configured(builder, name, d, configurationKey), secret));

    /// <summary>A generated password, kept in the AppHost's user secrets so that volumes stay readable.</summary>
    public static ParameterResource CreateDefaultPasswordParameter(
        IDistributedApplicationBuilder builder, string name, bool lower = true, bool upper = true, bool numeric = true,
        bool special = true, int minLower = 0, int minUpper = 0, int minNumeric = 0, int minSpecial = 0)
    {
        ParameterDefault value = new GenerateParameterDefault
        {
            Lower = lower,
            Upper = upper,
            Numeric = numeric,
            Special = special,
            MinLower = minLower,
            MinUpper = minUpper,
            MinNumeric = minNumeric,
            MinSpecial = minSpecial,
        };
        if (builder.ExecutionContext.IsRunMode)
            value = new PersistedParameterDefault(Secrets(builder), name, value);
        return new ParameterResource(name, d => Configured(builder, name, d), secret: true) { Default = value };
    }

    /// <summary>A connection string that configuration must give: <c>ConnectionStrings:{name}</c>.</summary>
    public static IResourceBuilder<IResourceWithConnectionString> AddConnectionString(
        this IDistributedApplicationBuilder builder, string name, string? environmentVariableName = null) =>
        builder.Add(new ConnectionStringParameterResource(
            name,
            _ => builder.Configuration.GetConnectionString(name) ?? throw new MissingParameterValueException(
                $"Connection string parameter resource could not be used because connection string '{name}' is missing."),
            environmentVariableName));

    private static string Configured(
        IDistributedApplicationBuilder builder, string name, ParameterDefault? otherwise, string? key = null)
    {
        key ??= $"Parameters:{name}";
        return builder.Configuration[key] ?? builder.Configuration[key.Replace('-', '_')] ?? otherwise?.GetDefaultValue()
            ?? throw new MissingParameterValueException(
                $"Parameter resource could not be used because configuration key '{key}' is missing and the Parameter has no default value.");
    }

    private static UserSecrets Secrets(IDistributedApplicationBuilder builder) =>
        builder is DistributedApplicationBuilder own ? own.Secrets : new UserSecrets(null);

    private static IResourceBuilder<T> Add<T>(this IDistributedApplicationBuilder builder, T resource)
        where T : ParameterResource => builder.AddResource(resource).WithInitialState(new CustomResourceSnapshot
        {
            ResourceType = "Parameter",
            State = KnownResourceStates.Running,
            Properties = [],
        });
}

internal sealed class ConnectionStringParameterResource : ParameterResource, IResourceWithConnectionString
{
    public ConnectionStringParameterResource(string name, Func<ParameterDefault?, string> callback, string? variable)
        : base(name, callback, secret: true)
    {
        IsConnectionString = true;
        ConnectionStringEnvironmentVariable = variable;
    }

    public string? ConnectionStringEnvironmentVariable { get; }

    public ReferenceExpression ConnectionStringExpression => ReferenceExpression.Create($"{(ParameterResource)this}");

    string IManifestExpressionProvider.ValueExpression => ValueExpression;

    ValueTask<string?> IValueProvider.GetValueAsync(CancellationToken cancellationToken) => GetValueAsync(cancellationToken);
}

public static class ConnectionStringBuilderExtensions
{
    public static IResourceBuilder<ConnectionStringResource> AddConnectionString(
        this IDistributedApplicationBuilder builder, string name, Action<ReferenceExpressionBuilder> connectionStringBuilder)
    {
        var expression = new ReferenceExpressionBuilder();
        connectionStringBuilder(expression);
        return builder.AddConnectionString(name, expression.Build());
    }

    /// <summary>It is running, as a resource, once those it is made of have been started.</summary>
    public static IResourceBuilder<ConnectionStringResource> AddConnectionString(
        this IDistributedApplicationBuilder builder, string name, ReferenceExpression connectionStringExpression)
    {
        var added = builder.AddResource(new ConnectionStringResource(name, connectionStringExpression));
        foreach (var resource in ResourceBuilderExtensions.ReferencedResources(connectionStringExpression))
            if (resource is not IResourceWithoutLifetime)
                added.WaitForStart(builder.CreateResourceBuilder(resource));
        return added
            .WithReferenceRelationship(connectionStringExpression)
            .WithInitialState(new CustomResourceSnapshot
            {
                ResourceType = "ConnectionString",
                State = KnownResourceStates.NotStarted,
                Properties = [],
            })
            .OnInitializeResource(async (resource, e, ct) =>
            {
                try
                {
                    await e.Eventing.PublishAsync(new BeforeResourceStartedEvent(resource, e.Services), ct);
                    await e.Notifications.PublishUpdateAsync(resource, s => s with { State = KnownResourceStates.Running });
                    await e.Eventing.PublishAsync(new ConnectionStringAvailableEvent(resource, e.Services), ct);
                }
                catch (Exception failure) when (!ct.IsCancellationRequested)
                {
                    e.Logger.LogError(failure, "The connection string '{Name}' is not available.", resource.Name);
                    await e.Notifications.PublishUpdateAsync(
                        resource, s => s with { State = KnownResourceStates.FailedToStart });
                }
            });
    }
}
