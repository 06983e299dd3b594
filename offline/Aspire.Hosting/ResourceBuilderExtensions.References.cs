using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting;

public static partial class ResourceBuilderExtensions
{
    /// <summary>Injects <c>ConnectionStrings__{name}</c> and, one variable each, the parts of it.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithConnectionString> source,
        string? connectionName = null, bool optional = false) where TDestination : IResourceWithEnvironment
    {
        var resource = source.Resource;
        connectionName ??= resource.Name;
        var flags = Flags(builder.Resource);
        return builder.WithReferenceRelationship(resource).WithEnvironment(context =>
        {
            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.ConnectionString))
                context.EnvironmentVariables[
                    resource.ConnectionStringEnvironmentVariable ?? $"ConnectionStrings__{connectionName}"] =
                    new ConnectionStringReference(resource, optional);
            if (!flags.HasFlag(ReferenceEnvironmentInjectionFlags.ConnectionProperties))
                return;
            var prefix = connectionName.Length == 0 ? "" : $"{VariableName(connectionName).ToUpperInvariant()}_";
            foreach (var (key, value) in resource.GetConnectionProperties())
                context.EnvironmentVariables[prefix + key.ToUpperInvariant()] = value;
        });
    }

    /// <summary>Injects <c>services__{name}__{scheme}__0</c> and <c>{NAME}_{ENDPOINT}</c> for each endpoint.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source)
        where TDestination : IResourceWithEnvironment => builder.WithEndpoints(source.Resource, null, null);

    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source, string name)
        where TDestination : IResourceWithEnvironment => builder.WithEndpoints(source.Resource, null, name);

    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, EndpointReference endpointReference)
        where TDestination : IResourceWithEnvironment =>
        builder.WithEndpoints(endpointReference.Resource, endpointReference.EndpointName, null);

    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, string name, Uri uri) where TDestination : IResourceWithEnvironment
    {
        ArgumentNullException.ThrowIfNull(uri);
        if (!uri.IsAbsoluteUri)
            throw new InvalidOperationException(
                $"The URI for service reference '{name}' is invalid while configuring target resource '{builder.Resource.Name}': it must be absolute.");
        var flags = Flags(builder.Resource);
        if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.ServiceDiscovery))
            builder.WithEnvironment($"services__{name}__default__0", uri.ToString());
        if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.Endpoints))
            builder.WithEnvironment(VariableName(name), uri.ToString());
        return builder;
    }

    /// <summary>Must come before the <c>WithReference</c> it limits.</summary>
    public static IResourceBuilder<TDestination> WithReferenceEnvironment<TDestination>(
        this IResourceBuilder<TDestination> builder, ReferenceEnvironmentInjectionFlags flags)
        where TDestination : IResourceWithEnvironment => builder.WithAnnotation(new ReferenceEnvironmentInjection(flags));

    public static IResourceBuilder<T> WithRelationship<T>(this IResourceBuilder<T> builder, IResource resource, string type)
        where T : IResource => builder.WithAnnotation(new ResourceRelationshipAnnotation(resource, type));

    public static IResourceBuilder<T> WithReferenceRelationship<T>(this IResourceBuilder<T> builder, IResource resource)
        where T : IResource => builder.WithRelationship(resource, "Reference");

    public static IResourceBuilder<T> WithReferenceRelationship<T>(
        this IResourceBuilder<T> builder, ReferenceExpression expression) where T : IResource
    {
        foreach (var resource in ReferencedResources(expression))
            builder.WithReferenceRelationship(resource);
        return builder;
    }

    public static IResourceBuilder<T> WithParentRelationship<T>(
        this IResourceBuilder<T> builder, IResourceBuilder<IResource> parent) where T : IResource =>
        builder.WithRelationship(parent.Resource, "Parent");

    /// <summary>The resources an expression is made of, directly or through endpoints and nested expressions.</summary>
    internal static IEnumerable<IResource> ReferencedResources(object value) => value switch
    {
        IResource resource => [resource],
        IValueWithReferences nested => nested.References.SelectMany(ReferencedResources).Distinct(),
        _ => [],
    };

    private static ReferenceEnvironmentInjectionFlags Flags(IResource resource) =>
        resource.TryGetLastAnnotation<ReferenceEnvironmentInjection>(out var injection)
            ? injection.Flags
            : ReferenceEnvironmentInjectionFlags.All;

    private static IResourceBuilder<T> WithEndpoints<T>(
        this IResourceBuilder<T> builder, IResourceWithEndpoints source, string? endpointName, string? name)
        where T : IResourceWithEnvironment
    {
        // References to the same source add up: one annotation, one callback.
        var annotation = builder.Resource.Annotations.OfType<EndpointReferenceAnnotation>()
            .SingleOrDefault(a => a.Resource == source);
        if (annotation is null)
        {
            annotation = new EndpointReferenceAnnotation(source);
            builder.WithAnnotation(annotation);
            builder.WithEnvironment(context => AddEndpoints(context, annotation, name));
        }
        if (endpointName is null)
            annotation.UseAllEndpoints = true;
        else
            annotation.EndpointNames.Add(endpointName);
        return builder.WithReferenceRelationship(source);
    }

    private static void AddEndpoints(EnvironmentCallbackContext context, EndpointReferenceAnnotation annotation, string? name)
    {
        var service = name ?? annotation.Resource.Name;
        var flags = Flags(context.Resource);
        foreach (var endpoint in annotation.Resource.GetEndpoints())
        {
            if (!annotation.EndpointNames.Contains(endpoint.EndpointName)
                && !(annotation.UseAllEndpoints && !endpoint.ExcludeReferenceEndpoint))
                continue;
            if (flags.HasFlag(ReferenceEnvironmentInjectionFlags.Endpoints))
            {
                var key = VariableName(name ?? service.ToUpperInvariant());
                context.EnvironmentVariables[$"{key}_{VariableName(endpoint.EndpointName).ToUpperInvariant()}"] = endpoint;
            }
            if (!flags.HasFlag(ReferenceEnvironmentInjectionFlags.ServiceDiscovery))
                continue;
            var scheme = endpoint.IsHttpSchemeNamedEndpoint ? endpoint.Scheme : endpoint.EndpointName;
            var index = 0;
            while (context.EnvironmentVariables.ContainsKey($"services__{service}__{scheme}__{index}"))
                index++;
            context.EnvironmentVariables[$"services__{service}__{scheme}__{index}"] = endpoint;
        }
    }

    private static string VariableName(string name)
    {
        var encoded = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        return encoded.Length > 0 && char.IsAsciiDigit(encoded[0]) ? "_" + encoded : encoded;
    }
}
