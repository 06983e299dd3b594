using System.Text;
using System.Text.Json;

namespace NATS.Client.Core;

// What client and server say to each other before the first command.
public partial class NatsConnection
{
    private string _lastAuthError = "";
    private bool _stopRetries;
    private ServerAddress? _lastSeed;

    /// <summary>
    /// INFO, TLS, CONNECT, PING and PONG; after it the server takes commands. Closes the transport when it throws.
    /// </summary>
    private async Task IntroduceAsync(Transport transport, bool isReconnect)
    {
        try
        {
            if (transport.Server.IsSeed)
            {
                _lastSeed = transport.Server;
            }

            await ReceiveInfoAsync(transport).ConfigureAwait(false);
            await NegotiateTlsAsync(transport).ConfigureAwait(false);

            var hello = new ByteBuffer(4096);
            var options = await OptionsAsync(transport).ConfigureAwait(false);
            Commands.Connect(hello, JsonSerializer.SerializeToUtf8Bytes(options, ProtocolJson.Default.ConnectOptions));
            Commands.Ping(hello);
            if (isReconnect)
            {
                _subscriptions.WriteTo(hello);
            }

            var receiver = new Receiver(this, transport);
            _ = StartDetached(receiver.ReadAsync);
            await transport.WriteAsync(hello.WrittenMemory).ConfigureAwait(false);
            await receiver.Answered.WaitAsync(Opts.ConnectTimeout).ConfigureAwait(false);
            _lastAuthError = "";
        }
        catch (Exception e)
        {
            RememberAuthError(e);
            transport.Close(e);
            throw;
        }
    }

    private async Task ReceiveInfoAsync(Transport transport)
    {
        using var timeout = new CancellationTokenSource(Opts.ConnectTimeout);
        byte[] line;
        try
        {
            line = await FrameReader.ReadLineAsync(transport.Input, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException("The server did not introduce itself in time");
        }

        if (line.AsSpan().StartsWith("-ERR"u8))
        {
            throw new NatsServerException(FrameReader.ParseError(line));
        }

        if (!line.AsSpan().StartsWith("INFO "u8))
        {
            var start = Encoding.ASCII.GetString(line.AsSpan(0, Math.Min(line.Length, 60)));
            throw new NatsProtocolViolationException($"Not a NATS server, it begins with: {start}");
        }

        ApplyInfo(line.AsSpan(5), transport);
    }

    private async Task NegotiateTlsAsync(Transport transport)
    {
        var mode = Opts.TlsOpts.EffectiveMode(transport.Server);
        var info = _serverInfo!;
        if (mode == TlsMode.Disable && info.TlsRequired)
        {
            throw new NatsException($"Server {transport.Server} requires TLS but TlsMode is set to Disable");
        }

        var isOffered = info.TlsRequired || info.TlsAvailable;
        if (mode == TlsMode.Require && !isOffered)
        {
            throw new NatsException($"Server {transport.Server} does not support TLS but TlsMode is set to Require");
        }

        if (isOffered && (mode is TlsMode.Require or TlsMode.Prefer))
        {
            await UpgradeAsync(transport).ConfigureAwait(false);
        }
    }

    private async Task UpgradeAsync(Transport transport)
    {
        // A server announced by its address alone proves itself under the name of the seed that announced it.
        var host = transport.Server.Host;
        if (!transport.Server.IsSeed && _lastSeed is { } seed && Uri.CheckHostName(seed.Host) == UriHostNameType.Dns
            && Uri.CheckHostName(host) != UriHostNameType.Dns)
        {
            host = seed.Host;
        }

        var options = await Opts.TlsOpts.HandshakeOptionsAsync(host).ConfigureAwait(false);
        await transport.UpgradeAsync(options, Opts.ConnectTimeout).ConfigureAwait(false);
    }

    private async Task<ConnectOptions> OptionsAsync(Transport transport)
    {
        var (user, password, token) = (Opts.AuthOpts.Username, Opts.AuthOpts.Password, Opts.AuthOpts.Token);
        if (Opts.AuthOpts.AuthCredCallback is { } callback)
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_disposed.Token);
            timeout.CancelAfter(Opts.ConnectTimeout);
            var given = await callback(transport.Server.Uri, timeout.Token).ConfigureAwait(false);
            (user, password, token) = (given.User ?? user, given.Password ?? password, given.Token ?? token);
        }

        return new ConnectOptions
        {
            Name = Opts.Name,
            Echo = Opts.Echo,
            Verbose = Opts.Verbose,
            Headers = Opts.Headers,
            User = user,
            Pass = password,
            AuthToken = token,
        };
    }

    private void RememberAuthError(Exception exception)
    {
        if (exception is not NatsServerException { IsAuthError: true } refused)
        {
            return;
        }

        if (!Opts.IgnoreAuthErrorAbort && _lastAuthError == refused.Error)
        {
            _stopRetries = true;
            _logger.AuthenticationStopped(refused.Error);
        }

        _lastAuthError = refused.Error;
    }
}
