using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace NATS.Client.Core;

/// <summary>When TLS is used.</summary>
public enum TlsMode
{
    /// <summary><see cref="Require"/> with the scheme tls or any certificate option, otherwise <see cref="Prefer"/>.</summary>
    Auto,

    /// <summary>When the server offers it.</summary>
    Prefer,

    /// <summary>Only with TLS.</summary>
    Require,

    /// <summary>TLS first, before the server's INFO.</summary>
    Implicit,

    /// <summary>Never.</summary>
    Disable,
}

/// <summary>TLS options.</summary>
public sealed record NatsTlsOpts
{
    /// <summary>The defaults.</summary>
    public static readonly NatsTlsOpts Default = new();

    /// <summary>Path of the client certificate, PEM.</summary>
    public string? CertFile { get; init; }

    /// <summary>Path of the client certificate's key, PEM.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Password of <see cref="KeyFile"/>.</summary>
    public string? KeyFilePassword { get; init; }

    /// <summary>Last word on the options of the handshake.</summary>
    public Func<SslClientAuthenticationOptions, ValueTask>? ConfigureClientAuthentication { get; init; }

    /// <summary>Path of the authorities to trust instead of the system's, PEM.</summary>
    public string? CaFile { get; init; }

    /// <summary>Accepts any certificate. For tests.</summary>
    public bool InsecureSkipVerify { get; init; }

    /// <summary>When TLS is used.</summary>
    public TlsMode Mode { get; init; }

    internal TlsMode EffectiveMode(ServerAddress server)
    {
        if (Mode != TlsMode.Auto)
        {
            return Mode;
        }

        var hasCertificates = CertFile is not null || KeyFile is not null || CaFile is not null || ConfigureClientAuthentication is not null;
        return hasCertificates || server.Uri.Scheme == "tls" ? TlsMode.Require : TlsMode.Prefer;
    }

    internal async ValueTask<SslClientAuthenticationOptions> HandshakeOptionsAsync(string host)
    {
        if (CertFile is null != KeyFile is null)
        {
            throw new ArgumentException("NatsTlsOpts.CertFile and NatsTlsOpts.KeyFile must both be set");
        }

        var options = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };

        if (CaFile is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPem(await File.ReadAllTextAsync(CaFile).ConfigureAwait(false));
            options.CertificateChainPolicy = policy;
        }

        if (CertFile is not null && KeyFile is not null)
        {
            var certificate = await File.ReadAllTextAsync(CertFile).ConfigureAwait(false);
            var key = await File.ReadAllTextAsync(KeyFile).ConfigureAwait(false);
            var leaf = string.IsNullOrEmpty(KeyFilePassword)
                ? X509Certificate2.CreateFromPem(certificate, key)
                : X509Certificate2.CreateFromEncryptedPem(certificate, key, KeyFilePassword);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(certificate);
            chain.RemoveAt(0);
            options.ClientCertificateContext = SslStreamCertificateContext.Create(leaf, chain);
        }

        if (InsecureSkipVerify)
        {
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        }

        if (ConfigureClientAuthentication is { } configure)
        {
            await configure(options).ConfigureAwait(false);
        }

        return options;
    }
}
