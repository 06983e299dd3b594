using System.Net.Sockets;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A port a resource listens on: <see cref="TargetPort"/> is the process's own, <see cref="Port"/> what others use.</summary>
public sealed class EndpointAnnotation : IResourceAnnotation
{
    private readonly TaskCompletionSource<AllocatedEndpoint> allocated =
        new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int? port;
    private int? targetPort;
    private bool portSetToNull;
    private bool targetPortSetToNull;
    private bool isProxied;
    private bool? isExplicitlyProxied;
    private string? transport;
    private bool? tlsEnabled;

    public EndpointAnnotation(
        ProtocolType protocol, string? uriScheme = null, string? transport = null, string? name = null, int? port = null,
        int? targetPort = null, bool? isExternal = null, bool? isProxied = null)
    {
        Protocol = protocol;
        UriScheme = uriScheme ?? protocol.ToString().ToLowerInvariant();
        Name = name ?? UriScheme;
        ModelName.Validate(nameof(EndpointAnnotation), Name);
        this.transport = transport;
        this.port = port;
        this.targetPort = targetPort;
        IsExternal = isExternal ?? false;
        IsExplicitlyProxied = isProxied;
    }

    public string Name { get; set; }
    public ProtocolType Protocol { get; set; }
    public string UriScheme { get; set; }
    public string TargetHost { get; set; } = "localhost";
    public bool IsExternal { get; set; }
    public bool ExcludeReferenceEndpoint { get; set; }

    /// <summary>Without a proxy each of the two ports defaults to the other.</summary>
    public int? Port
    {
        get => port ?? (IsProxied || portSetToNull ? null : targetPort);
        set => (port, portSetToNull) = (value, value is null);
    }

    public int? TargetPort
    {
        get => targetPort ?? (IsProxied || targetPortSetToNull ? null : port);
        set => (targetPort, targetPortSetToNull) = (value, value is null);
    }

    public bool IsProxied
    {
        get => isProxied;
        set => (isProxied, isExplicitlyProxied) = (value, value);
    }

    public bool? IsExplicitlyProxied
    {
        get => isExplicitlyProxied;
        set => (isExplicitlyProxied, isProxied) = (value, value ?? true);
    }

    public bool TlsEnabled
    {
        get => tlsEnabled ?? string.Equals(UriScheme, "https", StringComparison.OrdinalIgnoreCase);
        set => tlsEnabled = value;
    }

    public string Transport
    {
        get => transport ?? (UriScheme is "http" or "https" ? "http" : Protocol.ToString().ToLowerInvariant());
        set => transport = value;
    }

    /// <summary>Where the endpoint really is, or null while the application has not been started.</summary>
    public AllocatedEndpoint? AllocatedEndpoint
    {
        get => allocated.Task.IsCompletedSuccessfully ? allocated.Task.Result : null;
        set
        {
            if (value is null)
                allocated.TrySetException(new InvalidOperationException($"The endpoint `{Name}` is not allocated"));
            else
                allocated.TrySetResult(value);
        }
    }

    internal bool FromLaunchProfile { get; set; }
    internal string? TargetPortEnvironmentVariable { get; set; }
    internal Task<AllocatedEndpoint> Allocation => allocated.Task;
}

/// <summary>The address an endpoint got at start.</summary>
public class AllocatedEndpoint
{
    public AllocatedEndpoint(EndpointAnnotation endpoint, string address, int port, string? targetPortExpression = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        Endpoint = endpoint;
        Address = address;
        Port = port;
        TargetPortExpression = targetPortExpression;
    }

    public EndpointAnnotation Endpoint { get; }
    public string Address { get; }
    public int Port { get; }
    public string UriScheme => Endpoint.UriScheme;
    public string EndPointString => $"{Address}:{Port}";
    public string UriString => $"{UriScheme}://{EndPointString}";
    public string? TargetPortExpression { get; }

    public override string ToString() => UriString;
}
