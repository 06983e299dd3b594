namespace NATS.Client.Core;

/// <summary>An event handler that may await.</summary>
public delegate ValueTask AsyncEventHandler<in TEventArgs>(object? sender, TEventArgs args);

/// <summary>What a server's error is about.</summary>
public enum NatsServerErrorKind
{
    /// <summary>Anything else; see <see cref="NatsServerErrorEventArgs.Error"/>.</summary>
    Unknown = 0,

    /// <summary>Wrong credentials.</summary>
    AuthorizationViolation,

    /// <summary>The user's credentials ran out.</summary>
    AuthenticationExpired,

    /// <summary>The user was revoked.</summary>
    AuthenticationRevoked,

    /// <summary>The account's credentials ran out.</summary>
    AccountAuthenticationExpired,

    /// <summary>A publish or a subscription that the user may not do.</summary>
    PermissionsViolation,

    /// <summary>The server got no answer to its pings.</summary>
    StaleConnection,

    /// <summary>The server is full.</summary>
    MaximumConnectionsExceeded,

    /// <summary>The account is full.</summary>
    MaximumAccountConnectionsExceeded,

    /// <summary>Too many subscriptions.</summary>
    MaximumSubscriptionsExceeded,
}

/// <summary>An event of the connection.</summary>
public class NatsEventArgs(string message) : EventArgs
{
    /// <summary>The server's URL, or what happened.</summary>
    public string Message { get; } = message;
}

/// <summary>A message found its subscription full.</summary>
public class NatsMessageDroppedEventArgs(
    NatsSubBase subscription, int pending, string subject, string? replyTo, NatsHeaders? headers, object? data)
    : NatsEventArgs($"Dropped message from {subject} with {pending} pending messages")
{
    /// <summary>The subscription.</summary>
    public NatsSubBase Subscription { get; } = subscription;

    /// <summary>Messages waiting in it.</summary>
    public int Pending { get; } = pending;

    /// <summary>The dropped message's subject.</summary>
    public string Subject { get; } = subject;

    /// <summary>The dropped message's reply subject.</summary>
    public string? ReplyTo { get; } = replyTo;

    /// <summary>The dropped message's headers.</summary>
    public NatsHeaders? Headers { get; } = headers;

    /// <summary>The dropped message's data.</summary>
    public object? Data { get; } = data;
}

/// <summary>A subscription began to drop messages; reported once until it has caught up.</summary>
public class NatsSlowConsumerEventArgs(NatsSubBase subscription)
    : NatsEventArgs($"Slow consumer detected on subscription {subscription.Subject}")
{
    /// <summary>The subscription.</summary>
    public NatsSubBase Subscription { get; } = subscription;
}

/// <summary>The server is about to shut down.</summary>
public class NatsLameDuckModeActivatedEventArgs(Uri uri) : NatsEventArgs("Lame duck mode activated")
{
    /// <summary>The server.</summary>
    public Uri Uri { get; } = uri;
}

/// <summary>The server sent -ERR.</summary>
public class NatsServerErrorEventArgs(string error) : NatsEventArgs($"Server error {error}")
{
    private static readonly (string Prefix, NatsServerErrorKind Kind)[] Known =
    [
        ("Permissions Violation", NatsServerErrorKind.PermissionsViolation),
        ("Authorization Violation", NatsServerErrorKind.AuthorizationViolation),
        ("User Authentication Expired", NatsServerErrorKind.AuthenticationExpired),
        ("User Authentication Revoked", NatsServerErrorKind.AuthenticationRevoked),
        ("Account Authentication Expired", NatsServerErrorKind.AccountAuthenticationExpired),
        ("Stale Connection", NatsServerErrorKind.StaleConnection),
        ("Maximum Subscriptions", NatsServerErrorKind.MaximumSubscriptionsExceeded),
        ("Maximum Account Active Connections", NatsServerErrorKind.MaximumAccountConnectionsExceeded),
        ("Maximum Connections", NatsServerErrorKind.MaximumConnectionsExceeded),
    ];

    /// <summary>The error as the server wrote it.</summary>
    public string Error { get; } = error;

    /// <summary>What it is about.</summary>
    public NatsServerErrorKind Kind { get; } =
        Known.FirstOrDefault(known => error.StartsWith(known.Prefix, StringComparison.Ordinal)).Kind;
}
