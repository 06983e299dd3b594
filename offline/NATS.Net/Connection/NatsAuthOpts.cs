namespace NATS.Client.Core;

/// <summary>Credentials given by <see cref="NatsAuthOpts.AuthCredCallback"/>.</summary>
public readonly struct NatsAuthCred
{
    private NatsAuthCred(string? user, string? password, string? token) => (User, Password, Token) = (user, password, token);

    internal string? User { get; }

    internal string? Password { get; }

    internal string? Token { get; }

    /// <summary>User and password.</summary>
    public static NatsAuthCred FromUserInfo(string username, string password) => new(username, password, null);

    /// <summary>A token.</summary>
    public static NatsAuthCred FromToken(string token) => new(null, null, token);
}

/// <summary>Credentials.</summary>
public record NatsAuthOpts
{
    /// <summary>None.</summary>
    public static readonly NatsAuthOpts Default = new();

    /// <summary>The user.</summary>
    public string? Username { get; init; }

    /// <summary>The user's password.</summary>
    public string? Password { get; init; }

    /// <summary>A token instead of a user.</summary>
    public string? Token { get; init; }

    /// <summary>Asked on every attempt to connect, so that credentials can be rotated.</summary>
    public Func<Uri, CancellationToken, ValueTask<NatsAuthCred>>? AuthCredCallback { get; init; }

    /// <summary>Whether there are no credentials at all.</summary>
    public bool IsAnonymous =>
        string.IsNullOrEmpty(Username) && string.IsNullOrEmpty(Password) && string.IsNullOrEmpty(Token) && AuthCredCallback is null;
}
