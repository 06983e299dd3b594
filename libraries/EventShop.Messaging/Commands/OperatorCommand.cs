using EventShop.Hosting;
using NATS.Client.Core;
using NATS.Client.JetStream;
using Npgsql;

namespace EventShop.Messaging;

/// <summary>A verb of the service's command line. It runs in a host that is built and not started.</summary>
internal abstract class OperatorCommand(Servers servers, string name, string usage) : IServiceCommand
{
    public string Name => name;

    public string Usage => $"{usage} [--json]".TrimStart();

    protected Servers Servers => servers;

    public async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, CancellationToken cancellationToken)
    {
        var words = new Arguments(arguments, $"{Name} {Usage}");
        var answer = new Answer(output, isJson: words.TakeFlag("--json"));
        try
        {
            return await RunAsync(words, answer, cancellationToken);
        }
        catch (Exception e) when (servers.Explain(e) is { } trouble)
        {
            throw new StartupException(trouble, e);
        }
    }

    /// <returns>The exit code.</returns>
    protected abstract Task<int> RunAsync(Arguments arguments, Answer answer, CancellationToken cancellationToken);
}

/// <summary>The broker and the database, for a command: nobody else has connected, and nobody waits for them to come back.</summary>
internal sealed class Servers(INatsConnection connection, NpgsqlDataSource db)
{
    private const int NotFound = 404;

    /// <summary>The client itself tries for ever.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    public string Broker => BrokerUrl.WithoutCredentials(connection.Opts.Url);

    public string? BrokerVersion => connection.ServerInfo?.Version;

    public string Database => new NpgsqlConnectionStringBuilder(db.ConnectionString) is var settings
        ? $"{settings.Database} at {settings.Host}:{settings.Port}"
        : "";

    /// <exception cref="NatsException">The broker is away.</exception>
    public async Task ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            await connection.ConnectAsync().AsTask().WaitAsync(Limit, cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NatsException($"{NatsClientLog.LastFailure(connection) ?? e.Message}. Start nats-server with JetStream there, or set ConnectionStrings__nats", e);
        }
    }

    /// <returns>Null when it is neither the broker's nor the database's.</returns>
    public string? Explain(Exception exception) => exception switch
    {
        NatsJSApiException { Error.Code: NotFound } => $"NATS at {Broker}: {exception.Message}: run the service, or its setup, first",
        NatsException => $"NATS at {Broker}: {exception.Message}",
        PostgresException { SqlState: PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InvalidSchemaName }
            => $"database {Database}: {exception.Message}: run the service, or its setup, first",
        NpgsqlException => $"database {Database}: {exception.Message}",
        _ => null,
    };
}
