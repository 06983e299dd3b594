namespace Aspire.Hosting.ApplicationModel;

/// <summary>A NATS server as a container; its connection string is <c>nats://user:password@host:port</c>.</summary>
public class NatsServerResource(string name) : ContainerResource(name), IResourceWithConnectionString
{
    internal const string PrimaryEndpointName = "tcp";
    private const string DefaultUserName = "nats";

    public NatsServerResource(string name, ParameterResource? userName, ParameterResource? password) : this(name)
    {
        UserNameParameter = userName;
        PasswordParameter = password;
    }

    public EndpointReference PrimaryEndpoint => new(this, PrimaryEndpointName);
    public EndpointReferenceExpression Host => PrimaryEndpoint.Property(EndpointProperty.Host);
    public EndpointReferenceExpression Port => PrimaryEndpoint.Property(EndpointProperty.Port);
    public ParameterResource? UserNameParameter { get; set; }
    public ParameterResource? PasswordParameter { get; set; }

    public ReferenceExpression UserNameReference => UserNameParameter is { } user
        ? ReferenceExpression.Create($"{user}")
        : ReferenceExpression.Create($"{DefaultUserName}");

    public ReferenceExpression ConnectionStringExpression => UriExpression;

    public ReferenceExpression UriExpression
    {
        get
        {
            var uri = new ReferenceExpressionBuilder();
            uri.AppendLiteral("nats://");
            if (PasswordParameter is { } password)
            {
                if (UserNameParameter is { } user)
                    uri.Append($"{user:uri}");
                else
                    uri.AppendLiteral(DefaultUserName);
                uri.Append($":{password:uri}@");
            }
            uri.Append($"{PrimaryEndpoint.Property(EndpointProperty.HostAndPort)}");
            return uri.Build();
        }
    }

    IEnumerable<KeyValuePair<string, ReferenceExpression>> IResourceWithConnectionString.GetConnectionProperties()
    {
        yield return new("Host", ReferenceExpression.Create($"{Host}"));
        yield return new("Port", ReferenceExpression.Create($"{Port}"));
        yield return new("Username", UserNameReference);
        if (PasswordParameter is { } password)
            yield return new("Password", ReferenceExpression.Create($"{password}"));
        yield return new("Uri", UriExpression);
    }
}
